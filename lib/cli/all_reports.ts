import type { Report } from "./report.ts";

/** A report that goes to each of `reports`. */
export function allReports(reports: readonly Report[]): Report {
  return {
    warn: (message, hint) => reports.forEach((report) => report.warn(message, hint)),
    error: (failure) => reports.forEach((report) => report.error(failure)),
    event: (section, event) => reports.forEach((report) => report.event(section, event)),
    result: (section, result) => reports.forEach((report) => report.result(section, result)),
    end: (status) => reports.forEach((report) => report.end(status)),
  };
}
