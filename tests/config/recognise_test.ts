import { recognise } from "../../src/config/recognise.ts";
import { nearest } from "../../src/config/suggest.ts";
import { secretsOf } from "../../src/config/secrets.ts";
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";
import { entriesOf } from "../support/entries.ts";

const judge = (lines: string[], used: string[] = []) => {
  const { problems, warnings } = recognise(entriesOf(lines), new Set(used), "/srv/site.ini");
  return {
    problems: problems.map(({ message }) => message),
    warnings: warnings.map(({ message }) => message),
  };
};

Deno.test("options that are not ours are named once, with a reason for each group", () => {
  const { warnings } = judge(["processes = 4", "module = x", "master", "processes = 5"]);
  assertEquals(warnings.length, 1);
  assertEquals(warnings[0]?.match(/processes/g)?.length, 1);
  assertStringIncludes(warnings[0] ?? "", "a web server's work");
});

Deno.test("an option that must not be passed over in silence is refused, with why", () => {
  const { problems } = judge(["chroot = /jail", "yaml = x.yml", "legion-cron = l 0 0 0 0 0 x"]);
  assertEquals(problems.length, 3);
  assertStringIncludes(problems[0] ?? "", "chroot is refused: tasks would run without it");
});

Deno.test("a key that nothing uses and that is near an option is pointed out", () => {
  assertEquals(judge(["spooler-frequnecy = 3"]).warnings, [
    "spooler-frequnecy is not an option, and nothing uses it; did you mean spooler-frequency?",
  ]);
  assertEquals(judge(["spooler_processes = 3"]).warnings.length, 1);
});

Deno.test("an option without its equals sign is pointed out", () => {
  assertEquals(judge(["spooler:\t/srv/spool"]).warnings, [
    "spooler has no effect: it needs an = before its value",
  ]);
  assertEquals(judge(["spooler-processes 4"]).warnings, [
    "spooler-processes has no effect: it needs an = before its value",
  ]);
});

Deno.test("a placeholder that is used, or that is near nothing, is a placeholder", () => {
  assertEquals(judge(["spoolers = /x"], ["spoolers"]).warnings, []);
  assertEquals(judge(["project_dir = /x"]).warnings, []);
});

Deno.test("strict makes unknown keys errors; strict = false does not", () => {
  assertEquals(judge(["strict = true", "spoler = /x"]).problems, [
    "spoler is not an option, and strict is set; did you mean spooler?",
  ]);
  assertEquals(judge(["strict = false", "spoler = /x"]).problems, []);
});

Deno.test("suggestions are near, or left out", () => {
  const names = ["spooler", "spooler-frequency", "cron", "socket"];
  assertEquals(nearest("spoolr", names), "spooler");
  assertEquals(nearest("spooler_frequency", names), "spooler-frequency");
  assertEquals(nearest("scoket", names), "socket");
  for (const word of ["corn", "x", "database", "", "a".repeat(1000)]) {
    assertEquals(nearest(word, names), undefined, word);
  }
});

Deno.test("secrets are hidden under their name, in pairs, and wherever they turn up", () => {
  const secrets = secretsOf([
    { key: "spooler-secret", value: "open sesame" },
    { key: "env", value: "API_KEY=abcdef123" },
  ]);
  const said = secrets.mask("curl -H abcdef123 --x 'open sesame' password=hunter2");
  for (const secret of ["abcdef123", "open sesame", "hunter2"]) {
    assert(!said.includes(secret), secret);
  }
  assertEquals(secrets.maskValue("db_password", "x"), "********");
  assertEquals(secrets.maskValue("chdir", "/srv"), "/srv");
});
