import { FTP_SERVERS } from "../../servers/ftp.ts";
import { serverConformance } from "./_server_relay.ts";

serverConformance("proftpd", FTP_SERVERS["proftpd"]);
