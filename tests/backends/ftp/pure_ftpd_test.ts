import { FTP_SERVERS } from "../../servers/ftp.ts";
import { serverConformance } from "./_server_relay.ts";

serverConformance("pure-ftpd", FTP_SERVERS["pure-ftpd"]);
