/** For tests in which a connection is broken off: the library for that is opened once and kept, and belongs to no test. */

import { breakOff } from "../../src/platform/tcp_socket.ts";

breakOff(0, 0);
