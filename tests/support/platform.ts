/** The machine's libc and locks, loaded once for all tests of a file and not by one of them. */

import { openPlatform } from "../../src/spool/platform.ts";

export const platform = openPlatform();
