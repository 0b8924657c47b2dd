/** What the module of a thread has that the one who started it talks to. */

export interface ThreadScope<Received, Sent = never> {
  onmessage: ((event: { readonly data: Received }) => void) | null;
  postMessage(message: Sent): void;
}

/** In a module that was started as a thread. */
export function threadScope<Received, Sent = never>(): ThreadScope<Received, Sent> {
  return globalThis as unknown as ThreadScope<Received, Sent>;
}
