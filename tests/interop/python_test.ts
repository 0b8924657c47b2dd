/**
 * The same Python files under the real uWSGI 2.0 and under the program: what their functions are
 * called with, what is run again, and what the functions of the module `uwsgi` return.
 */

import { join } from "@std/path";
import { encodePacket } from "../../src/wire/packet.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { countLines, ledgerLines } from "../support/ledger.ts";
import { Program } from "../support/program.ts";
import { testWith } from "../support/require.ts";
import { varsOf } from "../support/store.ts";
import { tempDir } from "../support/temp.ts";
import { until } from "../support/until.ts";

const FIXTURES = new URL("../fixtures/python/", import.meta.url);

interface Site {
  readonly dir: string;
  /** What the code writes its notes to. */
  readonly ledger: string;
}

type Start = (site: Site, ini: string) => Promise<Program>;

const uwsgi: Start = ({ dir, ledger }, ini) => {
  const program = Program.launch("uwsgi", ["--ini", ini], { cwd: dir, env: { LEDGER: ledger } });
  return Promise.resolve(program);
};

const ours: Start = ({ dir, ledger }, ini) =>
  Program.start(["--ini", ini], { cwd: dir, env: { LEDGER: ledger } });

/** Works through one task with `module` under either, until `isOver`; returns the notes. */
async function notes(
  start: Start,
  module: string,
  task: (site: Site) => Uint8Array,
  isOver: (lines: readonly string[]) => boolean,
  lines: readonly string[],
  patienceMs?: number,
): Promise<string[]> {
  await using temp = await tempDir();
  const site: Site = { dir: temp.path, ledger: join(temp.path, "ledger") };
  const { dir, ledger } = site;
  await Deno.copyFile(new URL(module, FIXTURES), join(dir, module));
  const spool = join(dir, "spool");
  await Deno.mkdir(spool);
  await Deno.writeFile(join(spool, "uwsgi_spoolfile_on_test_1_1_1_1_1"), task(site));
  const ini = join(dir, "site.ini");
  const settings = [
    ...["[uwsgi]", "plugin = python3", "master = true", "die-on-term = true", "no-orphans = true"],
    ...["socket = own.sock", "spooler = spool", "spooler-frequency = 1", `import = ${module}`],
    ...lines,
  ];
  await Deno.writeTextFile(ini, `${settings.join("\n")}\n`);
  await using program = await start(site, ini);
  try {
    await until(() => isOver(ledgerLines(ledger)), "the notes are not complete", patienceMs);
  } catch (error) {
    throw new Error(`${error}\n${ledgerLines(ledger).join("\n")}\n${program.log}`);
  }
  return ledgerLines(ledger);
}

/** What happens as often as there is time for it; once is enough to know. */
const ENDLESS = /"(tick|rbtick|spooler_tick|overridden|'overridden')'?"/;

/** The notes that must be the same under both, in a fixed order. */
function comparable(lines: readonly string[]): string[] {
  const endless = new Set(lines.filter((line) => ENDLESS.test(line)));
  return [...lines.filter((line) => !ENDLESS.test(line)), ...endless].toSorted();
}

const started = () => {
  const vars = varsOf({ ud_spool_func: "start", ud_spool_ret: "-2", text: "ä" });
  return new Uint8Array([...encodePacket(vars, 17), ...new TextEncoder().encode("its body")]);
};

/** How many notes there are when everything has happened that comes to an end. */
const FINITE = 34;

/** Everything finite has happened, and all that has no end twice: three timers and a task. */
function isComplete(lines: readonly string[]): boolean {
  const endless = countLines(lines.filter((line) => ENDLESS.test(line)));
  const twice = [...endless.values()].every((count) => count >= 2);
  return lines.length - sum(endless.values()) >= FINITE && endless.size === 4 && twice;
}

const sum = (numbers: Iterable<number>) => [...numbers].reduce((total, each) => total + each, 0);

testWith("uwsgi", "spooler functions are called alike under uWSGI and here", async () => {
  const ordered = ["spooler-ordered = true"];
  const [theirs, own] = await Promise.all([
    notes(uwsgi, "ledger.py", started, isComplete, ordered),
    notes(ours, "ledger.py", started, isComplete, ordered),
  ]);
  assertEquals(comparable(own), comparable(theirs));
  assertEquals(comparable(own).length, FINITE + 4);
  const order = (lines: string[]) => lines.filter((line) => line.startsWith('["ordered"'));
  assertEquals(order(own), order(theirs), "priorities");
  assertEquals(order(own), ["1", "5", "9"].map((n) => `["ordered", "${n}"]`));
});

/** A job of every minute comes in the next one. */
const MINUTE_AND_MORE_MS = 90_000;

testWith("uwsgi", "functions of @cron run in their minute under both", async () => {
  const isOver = (lines: readonly string[]) => lines.length >= 1;
  const [theirs, own] = await Promise.all([
    notes(uwsgi, "cron.py", started, isOver, [], MINUTE_AND_MORE_MS),
    notes(ours, "cron.py", started, isOver, [], MINUTE_AND_MORE_MS),
  ]);
  assertEquals(own, theirs);
  assertEquals(own, ["every minute 0"]);
});

/** Expressions that are worth the same under both. */
const ALIKE = [
  "uwsgi.SPOOL_OK, uwsgi.SPOOL_RETRY, uwsgi.SPOOL_IGNORE",
  "type(uwsgi.spool({b'ud_spool_func': b'other', b'ud_spool_ret': b'-2'})).__name__",
  "type(uwsgi.send_to_spooler({b'ud_spool_func': b'other', b'body': b'x'})).__name__",
  "type(other(a='b')).__name__",
  "type(other.spool({'a': 'b'}, c=b'd')).__name__",
  "type(passing(1, k=2)).__name__",
  "uwsgi.spool()",
  "uwsgi.spool('x')",
  "uwsgi.spool(5)",
  "uwsgi.spool({'a': b'b'})",
  "uwsgi.spool({b'a': 'b'})",
  "uwsgi.spool({b'a': 1})",
  "uwsgi.spool({b'a': None})",
  "uwsgi.spool({b'a': 1.5})",
  "uwsgi.spool({b'a': True})",
  "uwsgi.spool(a=b'b')",
  "uwsgi.spool({'body': b'b', b'a': b'b'})",
  "uwsgi.spool({b'body': 'b', b'a': b'b'})",
  "uwsgi.spool({b'a': b'x' * 40000, b'b': b'x' * 40000})",
  "type(uwsgi.spool({b'ud_spool_func': bytearray(b'other'), b'x': [1, 2]})).__name__",
  "(lambda d: (uwsgi.spool(d), sorted(d)))({b'ud_spool_func': b'other', b'body': b'x'})[1]",
  "other(a=1)",
  "other(at=5)",
  "other(priority=4)",
  "other('x')",
  "passing(at=5)",
  "uwsgi.spool({b'a': b'b', b'spooler': b'/nonexistent'})",
  "type(uwsgi.spooler_jobs()).__name__, type(uwsgi.spooler_jobs()[0]).__name__",
  "uwsgi.spooler_get_task()",
  "uwsgi.spooler_get_task(b'x')",
  "uwsgi.spooler_get_task('/nonexistent')",
  "[*uwsgi.spooler_get_task(other(a='b', body='c').decode())]",
  "uwsgi.spooler_get_task(other(a='b', body='c').decode())['body']",
  "uwsgi.spooler_get_task(other(a='b', body='c').decode())[b'a']",
  "type(uwsgi.spooler_get_task(other(a='b').decode())['spooler_task_name']).__name__",
  "uwsgi.set_spooler_frequency(1)",
  "uwsgi.set_spooler_frequency('1')",
  "uwsgi.set_spooler_frequency(1.5)",
  "uwsgi.set_spooler_frequency()",
  "uwsgi.signal_registered(99)",
  "uwsgi.signal_registered('x')",
  "uwsgi.signal(99)",
  "uwsgi.signal('x')",
  "uwsgi.register_signal(1, b'', print)",
  "uwsgi.register_signal('1', '', print)",
  "uwsgi.add_timer(1, 1.5)",
  "uwsgi.add_timer('x', 1)",
  "uwsgi.add_rb_timer(1, 'x')",
  "uwsgi.add_cron(1, 2)",
  "uwsgi.add_cron(1, '*', -1, -1, -1, -1)",
  "uwsgi.log('text')",
  "uwsgi.log(b'bytes')",
  "uwsgi.log(5)",
  "uwsgi.log()",
  "uwsgi.i_am_the_spooler(), uwsgi.i_am_the_lord('x'), uwsgi.worker_id(), uwsgi.mule_id()",
  "uwsgi.i_am_the_lord()",
  "type(uwsgi.hostname).__name__, type(uwsgi.version).__name__",
  "len(uwsgi.version_info), uwsgi.version_info[:3], type(uwsgi.version_info[4]).__name__",
  "type(uwsgi.spoolers).__name__, len(uwsgi.spoolers), type(uwsgi.spoolers[0]).__name__",
  "type(uwsgi.numproc).__name__, type(uwsgi.masterpid()).__name__",
  "uwsgi.opt['spooler-frequency'], uwsgi.opt['import'], uwsgi.opt['master'], uwsgi.opt['foo']",
  "uwsgi.opt['bare']",
  "'nothing' in uwsgi.opt, type(uwsgi.opt).__name__",
  "type(uwsgi.mem()).__name__, len(uwsgi.mem()), type(uwsgi.micros()).__name__",
  "uwsgi.total_requests(), uwsgi.request_id()",
  "uwsgi.unbit, uwsgi.loop, uwsgi.applications",
  "uwsgi.cores, type(uwsgi.started_on).__name__",
  "uwsgi.set_user_harakiri(0)",
  "uwsgi.in_farm('x')",
  "uwsgi.cache_get('x'), uwsgi.cache_del('x'), uwsgi.cache_update('x', b'y')",
  "uwsgi.cache_keys()",
  "uwsgi.rpc_list()",
  "uwsgi.rpc('', 'x')",
  "uwsgi.call('x')",
  "uwsgi.metric_get('x'), uwsgi.metric_inc('x'), uwsgi.alarm('x', 'y')",
  "uwsgi.mule_msg('x')",
  "uwsgi.mule_get_msg()",
  "uwsgi.farm_get_msg()",
  "uwsgi.farm_msg('f', 'x'), uwsgi.scrolls('x'), uwsgi.lord_scroll('x')",
  "uwsgi.log_this_request(), uwsgi.get_logvar('x'), uwsgi.set_logvar('a', 'b'), uwsgi.logsize()",
  "uwsgi.add_file_monitor(77, '/tmp')",
  "uwsgi.ready(), uwsgi.setprocname('x'), uwsgi.set_warning_message('x')",
  "uwsgi.spool({b'a': 1 << 40})",
  "uwsgi.spool({b'a': 1.5}), uwsgi.spool({b'a': {1: 2}})",
  "type(uwsgi.spool({b'a': {1: 2}, b'ud_spool_func': b'other', b'b': memoryview(b'x')})).__name__",
  "[*uwsgi.spooler_get_task(uwsgi.spool({b'a': {1: 2}, b'ud_spool_func': b'other'}).decode()).values()][1:]",
  "hasattr(uwsgi, 'no_such_name'), hasattr(uwsgi, 'cache_get'), hasattr(uwsgi, 'mule_msg')",
  "sorted(uwsgidecorators.spooler_functions)",
  "type(get_free_signal()).__name__",
  "[type(each).__name__ for each in (other, passing, again)]",
  "callable(uwsgi.spooler), uwsgi.spooler is uwsgidecorators.manage_spool_request",
  "__import__('sys').argv",
];

/** Where this differs on purpose: the expression, uWSGI's value, ours. docs/python.md says why. */
const DIFFERENT: readonly [string, string, string][] = [
  ["uwsgi.opt['env']", "b'TWO=2'", "[b'ONE=1', b'TWO=2']"],
  ["uwsgi.lock()", "raised ValueError", "None"],
  ["uwsgi.unlock()", "raised ValueError", "None"],
  ["uwsgi.lock('x')", "raised ValueError", "raised TypeError"],
  ["uwsgi.is_locked()", "raised ValueError", "False"],
  ["uwsgi.register_signal(77, '', print)", "raised ValueError", "None"],
  ["hasattr(uwsgi, 'send_message'), hasattr(uwsgi, 'Permanent')", "(False, False)", "(True, True)"],
  ["uwsgi.version.endswith(b'-spooler')", "False", "True"],
];

testWith("uwsgi", "the functions of uwsgi are worth the same in a task", async () => {
  const expressions = [...ALIKE, ...DIFFERENT.map(([expression]) => expression)];
  const task = ({ ledger }: Site) => {
    const vars = varsOf({ ud_spool_func: "expressions", ledger, ud_spool_ret: "-2" });
    return new Uint8Array([
      ...encodePacket(vars, 17),
      ...new TextEncoder().encode(expressions.join("\n")),
    ]);
  };
  const isOver = (lines: readonly string[]) => lines.length > 0;
  const lines = ["foo = bar", "bare", "env = ONE=1", "env = TWO=2", "pyargv = a b"];
  const [theirs, own] = await Promise.all([
    notes(uwsgi, "expressions.py", task, isOver, lines),
    notes(ours, "expressions.py", task, isOver, lines),
  ]);
  assertEquals(own.slice(0, ALIKE.length), theirs.slice(0, ALIKE.length));
  assert(own.slice(0, ALIKE.length).some((line) => line.endsWith("raised ValueError")));
  const differing = DIFFERENT.map(([expression, uwsgis, mine]) => [
    `${expression} => ${uwsgis}`,
    `${expression} => ${mine}`,
  ]);
  const got = differing.map((_, i) => [theirs[ALIKE.length + i], own[ALIKE.length + i]]);
  assertEquals(got, differing);
});

/** Names that expressions find in a module, without those that begin with an underscore. */
const NAMES = ["uwsgi", "uwsgidecorators"].map((module) =>
  `" ".join(n for n in dir(${module}) if not n.startswith("_"))`
);

/** Options with which uWSGI has more names. */
const WITH_NAMES = [
  ...["queue = 10", "queue-blocksize = 4096", "sharedarea = 2", "cache2 = name=x,items=10"],
  ...["snmp = true", "snmp-community = x", "locks = 3", "mule = true", "farm = f:1"],
  ...["enable-metrics = true", "metric = name=a", "threads = 2", "rpc-max = 10"],
];

async function namesUnder(start: Start): Promise<string[][]> {
  const task = ({ ledger }: Site) => {
    const vars = varsOf({ ud_spool_func: "expressions", ledger, ud_spool_ret: "-2" });
    const body = new TextEncoder().encode(NAMES.join("\n"));
    return new Uint8Array([...encodePacket(vars, 17), ...body]);
  };
  const isOver = (lines: readonly string[]) => lines.length === 2;
  const lines = await notes(start, "expressions.py", task, isOver, WITH_NAMES);
  return lines.map((line) => (/=> '(.*)'$/.exec(line)?.[1] ?? "").split(" "));
}

const PAGE = new URL("../../docs/python-modules.md", import.meta.url);

/** Of the rows of docs/python-modules.md: the names of uwsgi, those of uwsgidecorators. */
async function documentedNames(): Promise<string[][]> {
  const [, decorators = "", module = ""] = (await Deno.readTextFile(PAGE)).split(/^## .*$/m);
  return [module, decorators].map((text) =>
    [...text.matchAll(/^\| `(\w+)` /gm)].map(([, name]) => name ?? "")
  );
}

/** May be set, and are not there before. */
const SETTABLE = ["atexit"];
/** Found by name alone. */
const UNLISTED = ["metric"];

testWith(
  "uwsgi",
  "every name of uWSGI's modules is there, and has its row in the docs",
  async () => {
    const [theirs, own, documented] = await Promise.all([
      namesUnder(uwsgi),
      namesUnder(ours),
      documentedNames(),
    ]);
    for (const i of [0, 1]) {
      const wanted = theirs[i] ?? [];
      const there = own[i] ?? [];
      const rows = (documented[i] ?? []).filter((name) =>
        ![...SETTABLE, ...UNLISTED].includes(name)
      );
      assert(wanted.length > 20 && there.length > 20);
      assertEquals(wanted.filter((name) => !there.includes(name)), []);
      assertEquals(rows.toSorted(), there.toSorted());
    }
  },
);

testWith("uwsgi", "import * from uwsgidecorators brings the same names", async () => {
  const expression =
    `(lambda names: exec("from uwsgidecorators import *", names) or sorted(names))({})`;
  const task = ({ ledger }: Site) => {
    const vars = varsOf({ ud_spool_func: "expressions", ledger, ud_spool_ret: "-2" });
    return new Uint8Array([...encodePacket(vars, 17), ...new TextEncoder().encode(expression)]);
  };
  const isOver = (lines: readonly string[]) => lines.length === 1;
  const [theirs, own] = await Promise.all(
    [uwsgi, ours].map((start) => notes(start, "expressions.py", task, isOver, [])),
  );
  assertEquals(own, theirs);
});

testWith("uwsgi", "what a function returns runs it again, or not, under both", async () => {
  const task = ({ ledger }: Site) => encodePacket(varsOf({ ud_spool_func: "start", ledger }), 17);
  /** All ran, and what runs again did so. */
  const isOver = (lines: readonly string[]) =>
    [...countLines(lines).values()].filter((count) => count > 1).length >= 11;
  const [theirs, own] = await Promise.all(
    [uwsgi, ours].map((start) => notes(start, "returns.py", task, isOver, [])),
  );
  const fates = (lines: readonly string[] = []) =>
    [...countLines(lines)].map(([name, count]) => `${name} ${count > 1 ? "again" : "once"}`)
      .toSorted();
  assertEquals(fates(own), fates(theirs));
});
