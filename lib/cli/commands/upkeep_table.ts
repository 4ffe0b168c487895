import type { Command } from "commander";

import type { Ctl } from "../ctl.ts";
import { accessCommand } from "./access.ts";
import { backupCommand, restoreCommand } from "./backup.ts";
import { clearCacheCommand, makeCacheCommand } from "./cache.ts";
import { checkCommand } from "./check.ts";
import { conflictsCommand } from "./conflicts.ts";
import { doctorCommand } from "./doctor.ts";
import { fixCommand } from "./fix.ts";
import { forgetCommand } from "./forget.ts";
import { listPendingCommand } from "./list_pending.ts";
import { migrateCommand } from "./migrate.ts";
import { rebaseCommand } from "./rebase.ts";
import { resumeCommand, suspendCommand } from "./suspend.ts";

/** The commands that look after a repository, its relay and what a client remembers. */
export const UPKEEP_COMMANDS: readonly ((ctl: Ctl) => Command)[] = [
  accessCommand,
  listPendingCommand,
  makeCacheCommand,
  clearCacheCommand,
  backupCommand,
  restoreCommand,
  migrateCommand,
  checkCommand,
  fixCommand,
  conflictsCommand,
  suspendCommand,
  resumeCommand,
  rebaseCommand,
  forgetCommand,
  doctorCommand,
];
