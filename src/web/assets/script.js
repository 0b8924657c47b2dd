// Keeps a page up to date while somebody looks at it, and nothing else: all pages work without it.
"use strict";

const main = document.getElementById("main");
const button = document.getElementById("live");
const everyMs = Number(main?.dataset.refresh ?? 0);

// Only what this server has sent is taken as a page.
const policy = globalThis.trustedTypes?.createPolicy("spooler", { createHTML: (text) => text });
const parse = (text) =>
  new DOMParser().parseFromString(policy ? policy.createHTML(text) : text, "text/html");

let isLive = everyMs > 0;
let isUnderWay = false;

/** Somebody types, chooses or marks something: that must not vanish under their hands. */
function isInUse() {
  const active = document.activeElement;
  if (
    active && active !== main && main.contains(active) && active.matches("input, select, textarea")
  ) {
    return true;
  }
  if (main.querySelector("input[type=checkbox]:checked, dialog[open]")) return true;
  const selection = getSelection();
  return selection !== null && !selection.isCollapsed && main.contains(selection.anchorNode);
}

async function refresh() {
  if (!isLive || isUnderWay || document.hidden || isInUse()) return;
  isUnderWay = true;
  try {
    const response = await fetch(location.href, { credentials: "same-origin" });
    document.body.dataset.state = response.ok ? "" : "gone";
    if (!response.ok || isInUse()) return;
    const fresh = parse(await response.text()).getElementById("main");
    if (fresh) replace(fresh);
  } catch {
    document.body.dataset.state = "gone";
  } finally {
    isUnderWay = false;
  }
}

/** The focus and the open details stay where they are. */
function replace(fresh) {
  const focused = document.activeElement?.closest("#main a[href]")?.getAttribute("href") ?? null;
  const open = new Set([...main.querySelectorAll("details[open][id]")].map(({ id }) => id));
  const scrolled = [...main.querySelectorAll("pre, .table")].map((
    each,
  ) => [each.scrollLeft, each.scrollTop]);
  // A running output goes on in the element that it goes on in.
  for (const stream of main.querySelectorAll("[data-stream]")) {
    const twin = fresh.querySelector(`#${CSS.escape(stream.id)}`);
    if (twin) twin.replaceWith(stream);
  }
  main.replaceChildren(...fresh.childNodes);
  for (const details of main.querySelectorAll("details[id]")) details.open = open.has(details.id);
  [...main.querySelectorAll("pre, .table")].forEach((each, at) => {
    if (scrolled[at]) [each.scrollLeft, each.scrollTop] = scrolled[at];
  });
  if (focused !== null) {
    main.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  }
}

if (everyMs > 0 && button) {
  button.parentElement.hidden = false;
  button.addEventListener("click", () => {
    isLive = !isLive;
    button.setAttribute("aria-pressed", String(isLive));
    button.textContent = isLive ? "Live" : "Paused";
    refresh();
  });
  setInterval(refresh, everyMs);
  document.addEventListener("visibilitychange", refresh);
}

/** Adds what a running task prints to what is on the page. */
function follow(element) {
  const source = new EventSource(`${element.dataset.stream}?from=${element.dataset.last}`);
  source.addEventListener("message", ({ data }) => {
    const { number, at, stream, text } = JSON.parse(data);
    if (number <= Number(element.dataset.last)) return;
    element.dataset.last = number;
    const isAtEnd = element.scrollHeight - element.scrollTop - element.clientHeight < 40;
    const time = document.createElement("span");
    time.className = "at";
    time.textContent = `${at} `;
    const line = document.createElement("span");
    if (stream === "stderr") line.className = "stderr";
    line.textContent = `${text}\n`;
    element.append(time, line);
    while (element.childNodes.length > 4000) element.firstChild.remove();
    if (isAtEnd) element.scrollTop = element.scrollHeight;
  });
  source.addEventListener("end", () => {
    source.close();
    refresh();
  });
}

for (const element of document.querySelectorAll("[data-stream]")) follow(element);
