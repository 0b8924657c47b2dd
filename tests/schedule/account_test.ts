import { findAccount } from "../../src/schedule/account.ts";
import { startTimeIn } from "../../src/schedule/boot.ts";
import { assertEquals } from "../support/assert.ts";

const PASSWD = [
  "root:x:0:0:root:/root:/bin/bash",
  "# a comment",
  "www-data:x:33:34:www:/var/www:",
  "",
].join("\n");

Deno.test("an account is found by its name or its number", () => {
  const www = { name: "www-data", uid: 33, gid: 34, home: "/var/www", shell: "/bin/sh" };
  assertEquals(findAccount(PASSWD, "www-data"), www);
  assertEquals(findAccount(PASSWD, "33"), www);
  assertEquals(findAccount(PASSWD, "nobody"), null);
  assertEquals(findAccount(PASSWD, ""), null);
});

Deno.test("the start of process 1 is read past a name with blanks and parentheses", () => {
  const fields = Array.from({ length: 30 }, (_, i) => String(i + 3)).join(" ");
  assertEquals(startTimeIn(`1 (a ) (b) ${fields}`), "22");
});
