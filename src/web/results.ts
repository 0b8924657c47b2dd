/** What came of what people asked for, remembered for a while: the page that follows says it. */

/** Grows while it is under way. */
export class ActResult {
  done = 0;
  isOver = false;
  /** The first few that did not go as asked. */
  readonly problems: string[] = [];
  problemCount = 0;

  /**
   * @param verb in the past: `retried`
   * @param of how many it is about, as far as that is known
   */
  constructor(readonly verb: string, readonly noun: string, readonly of: number | null = null) {}

  problem(text: string): void {
    this.problemCount++;
    if (this.problems.length < MOST_PROBLEMS) this.problems.push(text);
  }
}

const MOST_PROBLEMS = 20;
const REMEMBERED = 200;

export class Results {
  readonly #results = new Map<string, ActResult>();

  add(result: ActResult): string {
    const id = crypto.randomUUID();
    this.#results.set(id, result);
    const [oldest] = this.#results.keys();
    if (this.#results.size > REMEMBERED && oldest !== undefined) this.#results.delete(oldest);
    return id;
  }

  get(id: string): ActResult | undefined {
    return this.#results.get(id);
  }
}

export function resultText({ verb, noun, of, done, isOver, problemCount }: ActResult): string {
  const among = of === null ? "" : ` of ${of}`;
  if (!isOver) return `Under way: ${verb} ${done}${among} ${noun}s so far.`;
  if (done === 0 && problemCount === 0) return `There was no ${noun} to be ${verb}.`;
  const what = done === 1 ? noun : `${noun}s`;
  const but = problemCount === 0 ? "" : `; ${problemCount} not`;
  return done === 0 ? `Not ${verb}.` : `${done === 1 ? "1" : done} ${what} ${verb}${but}.`;
}

export function resultJson(result: ActResult): object {
  const { done, of, isOver, problems, problemCount } = result;
  return { text: resultText(result), isOver, done, of, problems, problemCount };
}
