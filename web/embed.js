// <broadsheet-search>, a search box for any site; README tells how to include it.
//
// A form with real links below it, not a combobox, whose options could hold neither links nor excerpts: a live region
// tells what was found, arrow keys lead from link to link, and whatever fails, the link to the page is there.
"use strict";

(() => {
if (customElements.get("broadsheet-search")) return; // the page includes this twice

// A classic script knows its own address, and Broadsheet is where that is.
const HOME = new URL(".", document.currentScript?.src || document.baseURI);
const PAUSE_MS = 200; // between two keys, before something is asked
const FIELDS = "title,url,excerpt,snippet,highlights,provider,published";
const SLOW_MS = 1_000; // until the link to the page is offered instead

const TEXTS = { // an attribute sets each: text-button and so on
  button: "Search",
  one: "1 result",
  many: "{n} results",
  none: "Nothing was found.",
  all: "All {n} results",
  page: "Open the search page",
  slow: "There is no answer yet.",
  failed: "The search does not answer at the moment.",
};

// System colours follow the color-scheme of the page around, and are legible where colours are forced.
const sheet = new CSSStyleSheet(); // needs no style-src
sheet.replaceSync(`
  :host { display: block; position: relative; text-align: start; line-height: 1.4; white-space: normal; }
  :host([hidden]), [hidden] { display: none !important; }
  * { box-sizing: border-box; margin: 0; padding: 0; }
  form { display: flex; flex-wrap: wrap; gap: .4em; }
  label { flex: 1 0 100%; }
  :host(:not([label])) label, .unseen {
    position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap;
  }
  input, button { font: inherit; min-height: 2.6em; border-radius: .2em; }
  input, .panel {
    color: var(--broadsheet-color, CanvasText); background: var(--broadsheet-background, Canvas);
    border: 1px solid var(--broadsheet-border, GrayText);
  }
  input { flex: 1 1 8em; min-width: 0; padding-inline: .7em; }
  input::placeholder { color: inherit; opacity: .75; }
  button { padding-inline: 1em; border: 1px solid; background: none; color: inherit; cursor: pointer; }
  .panel {
    position: absolute; inset: calc(100% + .3em) 0 auto; z-index: 10; max-height: min(34em, 75vh); overflow-y: auto;
    padding: .3em .9em .7em; border-radius: .2em; overflow-wrap: anywhere;
  }
  :host([inline]) .panel { position: static; max-height: none; margin-block-start: .3em; }
  .found > *, li > *, .all { margin-block-start: .4em; }
  ol { list-style: none; }
  li {
    padding-block: .2em .6em; border-block-end: 1px solid var(--broadsheet-border, GrayText);
    overflow: clip; overflow-clip-margin: .5em;
  }
  .title, .excerpt { display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 3; overflow: hidden; }
  .title { font-weight: bold; }
  .message, .note, .excerpt, .about { font-size: .9em; }
  .about > * + *::before { content: " · "; }
  a, .suggestion { color: var(--broadsheet-link, LinkText); }
  .suggestion { display: block; border: 0; padding: 0; text-decoration: underline; text-align: start; }
  mark { background: var(--broadsheet-mark, Mark); color: var(--broadsheet-mark-color, MarkText); }
  .all { display: inline-block; }
  :focus-visible { outline: 3px solid var(--broadsheet-link, LinkText); outline-offset: 2px; }
`);

// What comes from the archive gets here as a child, which makes it text, or as an address of http(s).
function make(name, properties, ...children) {
  const element = Object.assign(document.createElement(name), properties);
  element.part = properties.className ?? name;
  element.append(...children);
  return element;
}

// The text with its ranges, which count code points, as <mark>.
function marked(text, ranges) {
  const points = [...text];
  const cut = (from, to) => points.slice(from, to).join("");
  let at = 0;
  const parts = ranges.flatMap(([from, to]) => {
    const before = cut(at, from);
    at = to;
    return [before, make("mark", {}, cut(from, to))];
  });
  return [...parts, cut(at)];
}

class BroadsheetSearch extends HTMLElement {
  static observedAttributes = ["label", "placeholder", "text-button"];

  #input = make("input", { id: "q", type: "search", dir: "auto", autocomplete: "off", enterKeyHint: "search" });
  #label = make("label", { id: "label", htmlFor: "q" });
  #button = make("button", { type: "submit" });
  #status = make("p", { className: "unseen", role: "status" });
  #panel = make("div", { className: "panel", hidden: true, tabIndex: -1 }); // so a press in it keeps the focus inside
  #found = make("div", { className: "found" });
  #all = make("a", { className: "all" });
  #asking; // the newest request; answers to others are not shown
  #timer;

  constructor() {
    super();
    const form = make("form", { role: "search" }, this.#label, this.#input, this.#button);
    form.setAttribute("aria-labelledby", "label");
    const root = this.attachShadow({ mode: "open", delegatesFocus: true });
    root.adoptedStyleSheets = [sheet];
    this.#panel.append(this.#found, this.#all);
    root.append(form, this.#status, this.#panel);
    for (const event of ["input", "compositionend"]) this.#input.addEventListener(event, (each) => this.#typed(each));
    this.#input.addEventListener("focus", () => this.#reopen());
    root.addEventListener("keydown", (event) => this.#key(event));
    root.addEventListener("focusout", ({ relatedTarget }) => {
      if (!this.hasAttribute("inline") && !root.contains(relatedTarget)) this.#close();
    });
    form.addEventListener("submit", (event) => {
      event.preventDefault(); // a link goes there instead, which no form-action forbids
      if (this.#text) this.#linkAll().click();
    });
  }

  connectedCallback() {
    this.#input.placeholder = this.getAttribute("placeholder") ?? "";
    this.#button.textContent = this.#say("button");
    this.#label.textContent = this.getAttribute("label") || this.#input.placeholder || this.#say("button");
  }

  attributeChangedCallback() {
    this.connectedCallback();
  }

  disconnectedCallback() {
    this.#close();
  }

  get #text() {
    return this.#input.value.trim();
  }

  get #home() {
    const api = this.getAttribute("api");
    return api ? new URL(api.replace(/\/*$/, "/"), document.baseURI) : HOME;
  }

  get #language() {
    try {
      return Intl.getCanonicalLocales(this.closest("[lang]")?.lang)[0];
    } catch {
      return undefined; // lang says none; numbers and dates are written in the browser's
    }
  }

  #say(name, n) {
    const text = this.getAttribute(`text-${name}`) ?? TEXTS[name];
    return text.replace("{n}", () => n.toLocaleString(this.#language));
  }

  // An address of Broadsheet's with the typed text and the filters.
  #address(path) {
    const url = new URL(path, this.#home);
    url.searchParams.set("q", this.#text);
    for (const name of ["match", "topic"]) {
      if (this.getAttribute(name)) url.searchParams.set(name, this.getAttribute(name));
    }
    return url;
  }

  #linkAll() {
    return Object.assign(this.#all, { href: this.#address(""), target: this.getAttribute("target") ?? "" });
  }

  #typed(event) {
    if (event.isComposing) return; // compositionend follows
    this.#stop();
    if (this.#text) this.#timer = setTimeout(() => this.#ask(), PAUSE_MS);
    else this.#close();
  }

  #stop() {
    clearTimeout(this.#timer);
    this.#asking?.abort();
    this.#asking = undefined;
  }

  async #ask() {
    this.#stop();
    const asking = (this.#asking = new AbortController());
    const slow = setTimeout(() => asking === this.#asking && this.#tell("slow"), SLOW_MS);
    try {
      const url = this.#address("api/v1/search");
      url.searchParams.set("size", this.getAttribute("size") || 5);
      url.searchParams.set("facets", "none");
      url.searchParams.set("fields", FIELDS);
      const answer = await fetch(url, { signal: asking.signal, credentials: "omit" });
      if (!answer.ok) throw answer;
      const found = await answer.json();
      if (asking === this.#asking) this.#show(found);
    } catch {
      if (asking === this.#asking) this.#tell("failed");
    }
    clearTimeout(slow);
  }

  #show({ total, hits, query }) {
    const n = total.value;
    const notes = query.notes.map((note) => this.#note(note));
    const list = make("ol", { className: "results", role: "list" }, ...hits.map((hit) => this.#hit(hit)));
    const message = this.#say(["none", "one"][n] ?? "many", n);
    this.#open(message, n > 1 ? this.#say("all", n) : this.#say("page"), ...notes, ...(n ? [list] : []));
    this.#status.append(...query.notes.map((note) => ` ${note.text}`));
  }

  #tell(name) {
    this.#open(this.#say(name), this.#say("page"));
  }

  #open(message, all, ...parts) {
    if (this.#found.contains(this.shadowRoot.activeElement)) this.#input.focus(); // before the focused link is gone
    this.#status.textContent = message;
    this.#found.replaceChildren(make("p", { className: "message" }, message), ...parts);
    this.#linkAll().textContent = all;
    this.#panel.scrollTop = 0;
    this.#panel.hidden = false;
  }

  #close() {
    this.#stop();
    this.#panel.hidden = true;
    this.#status.textContent = "";
  }

  #reopen() {
    if (this.#panel.hidden && this.#text) this.#ask();
  }

  #hit({ id, title, url, excerpt, snippet, highlights, provider, published }) {
    const page = new URL(`article/${id.split("/").map(encodeURIComponent).join("/")}`, this.#home);
    const href = this.getAttribute("links") !== "page" && /^https?:\/\//i.test(url) ? url : page;
    const target = this.getAttribute("target") ?? "";
    const about = [];
    if (provider.name) about.push(make("span", { className: "source", dir: "auto" }, provider.name));
    if (published) about.push(make("time", { dateTime: published }, this.#day(published)));
    // An excerpt whose first mark would be cut off tells less than the snippet.
    const passage = snippet && !(highlights.excerpt[0]?.[0] < 150) ? snippet : null;
    const text = passage ? marked(passage.text, passage.highlights) : marked(excerpt, highlights.excerpt);
    const parts = [
      make("a", { className: "title", dir: "auto", href, target }, ...marked(title || id, highlights.title)),
      make("p", { className: "excerpt", dir: "auto" }, ...text),
      make("p", { className: "about" }, ...about),
    ];
    return make("li", { className: "result" }, ...parts.filter((part) => part.textContent));
  }

  #day(published) {
    return new Date(published).toLocaleDateString(this.#language, { dateStyle: "medium", timeZone: "UTC" });
  }

  // How the text was read; what is offered instead ("Did you mean") is taken by a press.
  #note({ kind, text, url }) {
    const instead = kind === "suggestion" && new URL(url, this.#home).searchParams.get("q");
    if (!instead) return make("p", { className: "note", dir: "auto" }, text);
    const button = make("button", { className: "suggestion", type: "button", dir: "auto" }, text);
    button.addEventListener("click", () => {
      this.#input.value = instead;
      this.#input.focus();
      this.#ask();
    });
    return button;
  }

  #key(event) {
    if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    const stops = [this.#input, ...this.#panel.querySelectorAll("a, button")];
    const at = stops.indexOf(event.target);
    const open = !this.#panel.hidden;
    if (event.key === "Escape" && open) {
      this.#input.focus();
      this.#close();
    } else if (event.key === "ArrowDown" && at >= 0) {
      if (open) stops[at + 1]?.focus();
      else this.#reopen();
    } else if (event.key === "ArrowUp" && at > 0) stops[at - 1].focus();
    else return;
    event.preventDefault();
  }
}

customElements.define("broadsheet-search", BroadsheetSearch);
})();
