import { join } from "@std/path";
import { MANUALS } from "../../src/cli/manual.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { programLabel, spooler, writeWrapper } from "../support/program.ts";
import { testWith } from "../support/require.ts";
import { makeSite, type Site } from "../support/site.ts";

const SITE = [
  "spooler-task = name=send_mail true",
  "spooler-import = tasks.ts",
  "timer2 = every=1h,name=nightly true",
];

const COMMANDS_WITH_RE = Object.keys(MANUALS).filter((name) => name.startsWith("re"));

/** A site with two tasks, and `spooler` in a directory for PATH. */
async function prepare(site: Site): Promise<{ bin: string; tasks: string[] }> {
  await Deno.writeTextFile(join(site.dir, "tasks.ts"), "export function resize() {}\n");
  const tasks: string[] = [];
  for (const n of ["1", "2"]) {
    const { stdout } = await spooler(["push", "--ini", site.ini, "ud_spool_func=other", `n=${n}`]);
    tasks.push(stdout.trim().replace("uwsgi_spoolfile_on_", ""));
  }
  const bin = join(site.dir, "bin");
  await Deno.mkdir(bin);
  await writeWrapper(join(bin, "spooler"));
  return { bin, tasks: tasks.sort() };
}

async function complete(...words: string[]): Promise<string[]> {
  const { code, stdout, stderr } = await spooler(["complete", "--", ...words]);
  assertEquals([code, stderr], [0, ""]);
  return stdout.split("\n").filter((line) => line !== "");
}

Deno.test(`${programLabel}: complete answers from the tables, the ini and the spool`, async () => {
  await using site = await makeSite(...SITE);
  const { tasks } = await prepare(site);
  assertEquals(await complete(""), Object.keys(MANUALS));
  assertEquals(await complete("re"), COMMANDS_WITH_RE);
  assertEquals(await complete("list", "--s"), ["--state"]);
  assertEquals(await complete("list", "--state", "f"), ["failed"]);
  assertEquals(await complete("--ini", "x.ini", "--spooler-har"), ["--spooler-harakiri"]);
  assertEquals(await complete("check", ""), [":files"]);
  assertEquals(await complete("list", "--dir", "sp"), [":directories"]);
  assertEquals(await complete("show", "--ini", site.ini, ""), tasks);
  assertEquals(await complete("retry", "--dir", site.spool, ""), []);
  assertEquals(await complete("run-job", "--ini", site.ini, ""), ["nightly"]);
  assertEquals(await complete("jobs", "--ini", site.ini, "--job", "n"), ["nightly"]);
  assertEquals(await complete("push", "--ini", site.ini, "ud"), ["ud_spool_func="]);
  const functions = ["other", "resize", "send_mail"];
  const prefixed = functions.map((name) => `ud_spool_func=${name}`);
  assertEquals(await complete("push", "--ini", site.ini, "ud_spool_func="), prefixed);
  assertEquals(await complete("list", "--ini", site.ini, "--func", ""), functions);
  assertEquals(await complete("show", "--ini", "/no/such.ini", ""), []);
});

/** What a shell offers for this line. */
async function offered(file: string, args: string[], bin: string): Promise<string[]> {
  const { stdout, stderr } = await new Deno.Command(file, {
    args,
    env: { PATH: `${bin}:${Deno.env.get("PATH")}`, LC_ALL: "C.UTF-8", TERM: "dumb" },
    stdin: "null",
  }).output();
  assertEquals(new TextDecoder().decode(stderr), "");
  return new TextDecoder().decode(stdout).split("\n").map((line) => line.trim())
    .filter((line) => line !== "").sort();
}

/** What each shell must offer: the line, and what comes of it. */
function cases(ini: string, tasks: string[]): [string, string[]][] {
  return [
    ["spooler re", COMMANDS_WITH_RE.toSorted()],
    ["spooler list --st", ["--state"]],
    [`spooler show --ini ${ini} `, tasks],
    [`spooler run-job --ini ${ini} n`, ["nightly"]],
    [`spooler list --ini ${ini} --func s`, ["send_mail"]],
    [`spooler check ${ini.slice(0, -2)}`, [ini]],
  ];
}

testWith("bash-completion", `${programLabel}: bash completes`, async () => {
  await using site = await makeSite(...SITE);
  const { bin, tasks } = await prepare(site);
  const bash = (line: string) => {
    const script = `source /usr/share/bash-completion/bash_completion
      source <(spooler completions bash)
      compopt() { :; }
      COMP_LINE=$1 COMP_POINT=\${#1}
      # As readline splits it, at = too.
      mapfile -t COMP_WORDS < <(sed 's/\\([=:]\\)/\\n\\1\\n/g; s/ /\\n/g' <<<"$1" | sed '/^$/d')
      [[ $1 == *' ' ]] && COMP_WORDS+=("")
      COMP_CWORD=$((\${#COMP_WORDS[@]} - 1))
      _spooler
      printf '%s\\n' "\${COMPREPLY[@]}"`;
    return offered("bash", ["-c", script, "bash", line], bin);
  };
  for (const [line, words] of cases(site.ini, tasks)) assertEquals(await bash(line), words, line);
  assertEquals(await bash(`spooler push --ini ${site.ini} ud_spool_func=s`), ["send_mail"]);
  assertEquals(await bash(`spooler push --ini ${site.ini} ud_spool_func=`), [
    "other",
    "resize",
    "send_mail",
  ]);
});

testWith("fish", `${programLabel}: fish completes`, async () => {
  await using site = await makeSite(...SITE);
  const { bin, tasks } = await prepare(site);
  const fish = async (line: string) => {
    const script = `spooler completions fish | source; complete -C "${line}"`;
    return (await offered("fish", ["--no-config", "-c", script], bin)).map((each) =>
      each.split("\t")[0]
    );
  };
  for (const [line, words] of cases(site.ini, tasks)) assertEquals(await fish(line), words, line);
  const word = `ud_spool_func=s`;
  const found = await fish(`spooler push --ini ${site.ini} ${word}`);
  assertEquals(found, [`${word}end_mail`]);
});

testWith("zsh", `${programLabel}: zsh completes`, async () => {
  await using site = await makeSite(...SITE);
  const { bin, tasks } = await prepare(site);
  // zsh completes in its line editor alone: one on a terminal of its own types the line and a tab.
  const zsh = (line: string) => {
    const script = `zmodload zsh/zpty
      zpty z zsh -f -i
      zpty -w z 'PS1= PS2= RPS1=; stty -echo; autoload -Uz compinit; compinit -u -D; source <(spooler completions zsh)'
      # What completion would insert is printed instead.
      zpty -w z 'compadd() { local -a hits; builtin compadd -A hits -D hits "$@"; print -rl -- "OFFER:"$^hits; }'
      zpty -w z 'unsetopt zle_bracketed_paste; print STARTED'
      zpty -r z out '*STARTED*STARTED*' 2>/dev/null || zpty -r z out '*STARTED*'
      zpty -n -w z "$1"$'\\t'
      # What is typed ahead would end the completion.
      zpty -r z out '*OFFER:*'
      zpty -n -w z $'\\x15print FINISHED\\n'
      zpty -r z more '*FINISHED*FINISHED*' || true
      print -r -- "$out$more"`;
    return offered("timeout", ["30", "zsh", "-f", "-c", script, "zsh", line], bin);
  };
  const [files, ...others] = cases(site.ini, tasks).reverse();
  // A path comes in pieces.
  for (const [line, words] of others) {
    const found = (await zsh(line)).flatMap((each) => /OFFER:(\S+)/.exec(each)?.[1] ?? []);
    assertEquals([...new Set(found)].sort(), words, line);
  }
  assert((await zsh(files?.[0] ?? "")).some((each) => each.endsWith("OFFER:site.ini")));
});

Deno.test(`${programLabel}: completions of another shell is a mistake`, async () => {
  const { code, stderr } = await spooler(["completions", "tcsh"]);
  assertEquals(code, 2);
  assert(stderr.includes('one of bash, zsh, fish: "tcsh"'), stderr);
});
