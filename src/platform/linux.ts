/**
 * Numbers of the Linux kernel and the names of its libc, for the program and its workers: both call it
 * past Deno. Some differ between processors.
 *
 * @pure
 */

import { reasonOf } from "./reason.ts";

const isArm = Deno.build.arch === "aarch64";

export const O_RDONLY = 0;
export const O_WRONLY = 1;
export const O_RDWR = 2;
export const O_CREAT = 0o100;
export const O_EXCL = 0o200;
export const O_APPEND = 0o2000;
export const O_NONBLOCK = 0o4000;
export const O_DIRECTORY = isArm ? 0o40000 : 0o200000;
export const O_NOFOLLOW = isArm ? 0o100000 : 0o400000;
export const O_NOATIME = 0o1000000;
export const O_CLOEXEC = 0o2000000;
/** A file without a name, in the file system of a directory. */
export const O_TMPFILE = 0o20000000 | O_DIRECTORY;
/** A descriptor that only names a file: it reads nothing, and waits for nobody. */
export const O_PATH = 0o10000000;
export const X_OK = 1;
export const W_OK = 2;
export const R_OK = 4;
export const F_TLOCK = 2;
export const AT_FDCWD = -100;
export const AT_SYMLINK_NOFOLLOW = 0x100;
export const AT_REMOVEDIR = 0x200;
export const AT_SYMLINK_FOLLOW = 0x400;
export const AT_EMPTY_PATH = 0x1000;
export const STATX_BASIC_STATS = 0x7ff;
export const S_IFMT = 0o170000;
export const S_IFREG = 0o100000;
export const S_IFDIR = 0o040000;
export const RENAME_NOREPLACE = 1;
export const SYS_RENAMEAT2 = isArm ? 276 : 316;
export const AF_UNIX = 1;
export const AF_INET = 2;
export const AF_INET6 = 10;
export const SOL_SOCKET = 1;
export const SOCK_CLOEXEC = 0o2000000;
export const MSG_DONTWAIT = 0x40;
export const MSG_NOSIGNAL = 0x4000;
export const EPOLL_CTL_ADD = 1;
/** Of `data` in struct epoll_event, which is packed on x86-64 alone. */
export const EPOLL_DATA_AT = Deno.build.arch === "x86_64" ? 4 : 8;
export const EPERM = 1;
export const ENOENT = 2;
export const EINTR = 4;
export const EIO = 5;
export const ENXIO = 6;
export const EAGAIN = 11;
export const EACCES = 13;
export const EEXIST = 17;
export const ENOTDIR = 20;
export const EISDIR = 21;
export const EINVAL = 22;
export const ENOSYS = 38;
export const ELOOP = 40;
export const EOPNOTSUPP = 95;
export const EADDRINUSE = 98;

const LIBRARIES = ["libc.so.6", "libc.musl-x86_64.so.1", "libc.musl-aarch64.so.1"];

/** What `open` makes of the first of the libc's names that can be opened, or why there is none. */
export function openLibrary<T>(
  open: (library: string) => T,
): { readonly opened: T } | { readonly unavailable: string } {
  let unavailable = "";
  for (const library of LIBRARIES) {
    try {
      return { opened: open(library) };
    } catch (error) {
      unavailable ||= reasonOf(error);
    }
  }
  return { unavailable };
}
