// Adds suggestions, results that change in place, and keys. The page works without; what fails here ends in ordinary
// navigation.
"use strict";

const [form, box, main] = ["search", "q", "main"].map((id) => document.getElementById(id));
const texts = form.dataset; // in the page's language
const isSearch = (url) => url.origin + url.pathname === form.action;
const inPlace = isSearch(location); // not on an article's page
const modified = (event) => event.ctrlKey || event.metaKey || event.altKey;

function make(name, properties, ...children) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
}

// Suggestions: "editable combobox, list autocomplete with manual selection" of the ARIA Authoring Practices.

const list = make("ul", { id: "suggestions", role: "listbox", ariaLabel: texts.textSuggestions, hidden: true });
const status = make("p", { role: "status", className: "unseen" });
form.append(list, status);
Object.assign(box, { role: "combobox", ariaAutoComplete: "list", ariaExpanded: "false" });
box.setAttribute("aria-controls", list.id);

let active; // the option that Enter takes: none until an arrow key chooses one
let asking = new AbortController();
let timer;

function activate(option) {
  if (active) active.ariaSelected = "false";
  active = option;
  box.setAttribute("aria-activedescendant", option?.id ?? "");
  if (option) option.ariaSelected = "true";
  option?.scrollIntoView({ block: "nearest" });
}

function show(options) {
  const n = options.length;
  activate();
  list.replaceChildren(...options);
  list.hidden = !n;
  box.ariaExpanded = n > 0;
  status.textContent = n ? texts.textCount.replace("{n}", n) : "";
}

function close() {
  clearTimeout(timer);
  asking.abort();
  if (!list.hidden) show([]);
}

async function ask() {
  const typed = box.value.trim();
  const { signal } = (asking = new AbortController());
  try {
    const answer = await fetch(`${texts.suggest}?q=${encodeURIComponent(typed)}`, { signal });
    const [, words, kinds = [], urls = []] = await answer.json();
    show(words.map((text, n) => suggestion(n, typed, text, kinds[n], urls[n])));
  } catch {
    if (!signal.aborted) close();
  }
}

function suggestion(n, typed, text, kind, url) {
  const at = text.toLowerCase().indexOf(typed.toLowerCase());
  const end = at + typed.length;
  const parts = at < 0 ? [text] : [text.slice(0, at), make("mark", {}, text.slice(at, end)), text.slice(end)];
  if (kind) parts.push(" ", make("span", { className: "quiet" }, kind));
  const option = make("li", { id: `suggestion-${n}`, role: "option", ariaSelected: "false", dir: "auto" }, ...parts);
  option.addEventListener("click", () => {
    const to = url && new URL(url, location);
    if (to && !to.searchParams.has("q")) return visit(to); // an article or a topic; words keep the chosen filters
    box.value = text;
    form.requestSubmit();
  });
  return option;
}

function typed(event) {
  if (event.isComposing || !box.value.trim()) return close(); // compositionend follows
  clearTimeout(timer);
  asking.abort();
  activate();
  timer = setTimeout(ask, 120);
}
box.addEventListener("input", typed);
box.addEventListener("compositionend", typed);
box.addEventListener("blur", close);
list.addEventListener("mousedown", (event) => event.preventDefault()); // the box keeps the focus
box.addEventListener("keydown", (event) => {
  const { key } = event;
  if (event.isComposing || modified(event)) return;
  if (/Home|End|Left|Right/.test(key)) activate(); // back to the text
  if (key === "ArrowDown" && list.hidden) typed(event);
  else if (key === "ArrowDown") activate(active?.nextSibling ?? list.firstChild);
  else if (key === "ArrowUp") activate(active?.previousSibling ?? list.lastChild);
  else if (key === "Enter" && active) active.click();
  else if (key === "Escape") {
    if (list.hidden) box.value = "";
    close();
  } else return;
  event.preventDefault();
});

// Results in place.

const AROUND = "#search input[type=hidden], head [rel=alternate], head [rel=canonical]";
const where = ({ pathname, search }) => pathname + search;

let loading = new AbortController();
let shown = where(location);
const left = new Map(); // by address, to go back to as they were
let y = scrollY; // at popstate the browser may have scrolled already
addEventListener("scroll", () => { y = scrollY; });

// What depends on the query, in this document or a fetched one.
const pageOf = (doc) => ({
  title: doc.title,
  text: doc.getElementById("q").defaultValue,
  nodes: [...doc.getElementById("main").childNodes],
  around: doc.querySelectorAll(AROUND),
});

async function visit(url, back) { // or forward
  close();
  if (!inPlace || !isSearch(url)) return location.assign(url);
  loading.abort();
  const { signal } = (loading = new AbortController());
  const leaving = { y, focused: document.activeElement };
  const asked = box.value;
  main.ariaBusy = "true";
  status.textContent = texts.textLoading;
  try {
    let page = back && left.get(where(url));
    if (!page) {
      const answer = await fetch(url, { headers: { Accept: "text/html" }, signal });
      page = pageOf(new DOMParser().parseFromString(await answer.text(), "text/html")); // throws if it is no page
      url = new URL(answer.url);
      if (!answer.ok || !isSearch(url) || (back && where(url) !== where(location))) throw answer;
    }
    left.set(shown, { ...pageOf(document), ...leaving });
    if (left.size > 10) left.delete(left.keys().next().value);
    if (!back && where(url) !== shown) history.pushState(null, "", url);
    shown = where(location);
    put(page, asked, back);
  } catch {
    if (signal.aborted) return;
    if (back) location.reload();
    else location.assign(url);
  }
  main.ariaBusy = "false";
}

// Who searched from the box stays there and is told the total (WCAG 4.1.3). Who used a link, which is gone, goes on at
// the heading of the results or, going back, where they were.
function put(page, asked, back) {
  const typed = box.value;
  document.title = page.title;
  main.replaceChildren(...page.nodes);
  for (const old of document.querySelectorAll(AROUND)) old.remove();
  for (const node of page.around) (node.matches("link") ? document.head : form).append(node);
  box.defaultValue = page.text;
  form.reset(); // dates typed but not applied
  if (typed !== asked) box.value = typed; // somebody went on typing
  if (matchMedia("(pointer: coarse)").matches) box.blur(); // an on-screen keyboard hides results
  const found = document.getElementById("found") ?? main;
  const place = main.contains(page.focused) ? page.focused : found;
  if (document.activeElement === document.body) place.focus({ preventScroll: true });
  if (back) scrollTo(0, page.y ?? scrollY);
  else found.scrollIntoView({ block: "nearest" }); // only if out of sight
  status.textContent = found.textContent.replace(/\s+/g, " ").trim();
}

addEventListener("click", (event) => {
  const link = event.target.closest("a[href]:not([target])");
  if (!link || event.button || event.shiftKey || modified(event)) return;
  const url = new URL(link.getAttribute("href"), location); // in an SVG .href is no text
  if (!isSearch(url) || url.hash) return;
  event.preventDefault();
  visit(url);
});
form.addEventListener("submit", (event) => {
  const fields = [...new FormData(form, event.submitter)].filter(([, value]) => value.trim());
  const url = new URL(form.action);
  url.search = new URLSearchParams(fields);
  event.preventDefault();
  visit(url);
});
addEventListener("popstate", () => {
  if (where(location) !== shown) visit(location, true); // else only the fragment changed
});

// A picture that is not there leaves its room to the text.
addEventListener("error", ({ target }) => target.tagName === "IMG" && (target.closest("figure") ?? target).remove(), true);

// Keys: "/" leads to the box; Up and Down from title to title, but only from a title: elsewhere they scroll.

addEventListener("keydown", (event) => {
  const { key, target } = event;
  const titles = [...main.querySelectorAll(".hit h3 a")];
  let next = titles.includes(target) && titles[titles.indexOf(target) + { ArrowUp: -1, ArrowDown: 1 }[key]];
  if (key === "/" && slash.ariaPressed === "true" && !target.closest("input, textarea, select")) next = box;
  if (!next || modified(event)) return;
  event.preventDefault();
  next.focus();
  if (next === box) box.select();
});

// A key without Ctrl or the like is one that can be switched off (WCAG 2.1.4); the browser remembers. Last, because where
// it may not remember, this throws, and the key stays off.
const slash = document.getElementById("slash");
const keep = () => { slash.ariaPressed = localStorage.slash !== "off"; };
slash.addEventListener("click", () => {
  localStorage.slash = slash.ariaPressed === "true" ? "off" : "on";
  keep();
});
keep();
slash.hidden = false;
