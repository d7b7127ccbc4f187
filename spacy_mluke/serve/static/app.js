// The explorer: annotate a text, show it in several views, share it.

import { codePoints, counted, languageName, make, nodesOf, request, setToken } from "./api.js";
import { fillCard } from "./card.js";
import { makeMasks, makeQuestions } from "./panels.js";

const $ = (id) => document.getElementById(id);
const [form, field, panel, card, tabs] = ["form", "text", "panel", "card", "tabs"].map($);
const DRAWN = { text: "entities", relations: "relations", graph: "graph", similarity: "similarity" };
const TITLES = { text: "Text", relations: "Relations", graph: "Graph", similarity: "Similarity", questions: "Questions", masks: "Masks" };

let health = { components: [], features: [], languages: [], limits: {} };
let examples = [];
let example = {}; // the last chosen
let found = null; // the annotated document
let wanted = "text"; // the view that was chosen
let tab = "text"; // the view that is shown
let links = {}; // addresses of entities, by number of the mention
let running = null; // aborts the last annotation
let drawing = 0; // number of the last drawing: earlier ones that arrive later are dropped

async function start() {
  try {
    [health, examples] = await Promise.all([request("health"), request("examples.json")]);
  } catch (error) {
    $("about").textContent = "Not connected: reload the page when the server runs.";
    throw error;
  }
  $("about").textContent = `${health.pipeline} ${health.pipeline_version}: ${health.components.join(", ")}`;
  for (const code of health.languages) {
    if (code !== "en") $("lang").append(make("option", { value: code }, languageName(code)));
  }
  $("lang-label").hidden = !health.languages.length;
  examples.forEach((one, i) => $("examples").append(make("option", { value: i, lang: one.lang }, languageName(one.lang))));
  readFragment();
  if (field.value.trim()) await annotate();
  else {
    $("status").textContent = "Type or paste a text, or choose an example.";
    showTabs();
  }
}

function views() {
  const has = (name) => health.features.includes(name);
  const names = found ? ["text"] : [];
  if (found && (found.relations.length || health.components.some((one) => one.includes("relation")))) names.push("relations", "graph");
  if (found?.similarity?.some((row) => row.some((value) => value !== null))) names.push("similarity");
  if (has("answer")) names.push("questions");
  if (has("fill")) names.push("masks");
  return names;
}

// Run something that may fail, and say why it did.
async function fail(action) {
  $("error").textContent = "";
  try {
    await action();
  } catch (error) {
    if (error.name === "AbortError") return;
    if (error.status === 401) $("token-label").hidden = false;
    $("error").textContent = error.message;
    $("status").textContent = "";
  }
}

async function annotate() {
  const text = field.value;
  if (!text.trim()) {
    $("status").textContent = "Type or paste a text first.";
    return;
  }
  const limit = health.limits.max_characters;
  if (limit && codePoints(text) > limit) {
    $("error").textContent = `The text has ${codePoints(text)} characters; the server takes ${limit}.`;
    return;
  }
  running?.abort();
  running = new AbortController();
  const { signal } = running;
  $("status").textContent = "Annotating …";
  const started = performance.now();
  await fail(async () => {
    const body = { texts: [text], vectors: health.features.includes("vectors"), ...($("lang").value ? { lang: $("lang").value } : {}) };
    const { documents } = await request("v1/annotate", body, signal);
    [found] = documents;
    links = {};
    for (const entity of found.entities) delete entity.vector; // `similarity` has what is shown
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    $("status").textContent = `${counted(found.entities.length, "entity", "entities")}, ${counted(found.relations.length, "relation", "relations")} in ${seconds} s`;
    for (const id of ["share", "save-json", "save-html"]) $(id).disabled = false;
    closeCard();
    showTabs();
    writeFragment();
  });
}

function showTabs() {
  const names = views();
  tab = names.includes(wanted) ? wanted : names[0] || "text";
  tabs.hidden = !names.length;
  tabs.replaceChildren(
    ...names.map((name) =>
      make(
        "button",
        { type: "button", role: "tab", id: `tab-${name}`, "aria-controls": "panel", "aria-selected": String(name === tab), tabindex: name === tab ? 0 : -1, onclick: () => select(name) },
        TITLES[name],
      ),
    ),
  );
  panel.hidden = !names.length;
  if (!names.length) return;
  $(`tab-${tab}`).scrollIntoView({ block: "nearest", inline: "nearest" });
  draw();
}

function select(name) {
  wanted = name;
  closeCard();
  showTabs();
  writeFragment();
  $(`tab-${name}`).focus();
}

async function draw() {
  const own = ++drawing;
  panel.setAttribute("aria-labelledby", `tab-${tab}`);
  if (tab === "questions") panel.replaceChildren(makeQuestions({ text: () => field.value, question: example.question || "", fail }));
  else if (tab === "masks") panel.replaceChildren(makeMasks({ mask: example.mask || "[MASK]", lang: () => $("lang").value, fail }));
  else {
    await fail(async () => {
      const { html } = await request("v1/render", { document: found, styles: [DRAWN[tab]], width: drawingWidth() });
      if (own !== drawing) return;
      panel.replaceChildren(...nodesOf(html));
      addButtons();
    });
  }
}

function drawingWidth() {
  return Math.min(2000, Math.max(280, Math.floor(panel.clientWidth) - 8));
}

// Marks in the text and in drawings open the card of their entity.
function addButtons() {
  for (const mark of panel.querySelectorAll("[data-mention]")) {
    const number = Number(mark.dataset.mention);
    if (mark.tagName === "MARK") {
      links[number] = mark.querySelector("a")?.href;
      const name = `About ${found.entities[number].text}`;
      mark.append(make("button", { type: "button", "aria-label": name, title: name }, "i"));
    }
    mark.addEventListener("click", (event) => {
      if (!event.target.closest("a")) openCard(number, mark);
    });
  }
}

function openCard(number, mark) {
  for (const other of panel.querySelectorAll(".current")) other.classList.remove("current");
  mark.classList.add("current");
  const options = { link: links[number] || "", lang: $("lang").value, close: closeCard, hasEntities: health.features.includes("entities") };
  fillCard(card, found, number, options);
  card.focus({ preventScroll: true });
  // On a phone, the card covers the lower half of the page.
  if (getComputedStyle(card).position === "fixed") mark.scrollIntoView({ block: "start" });
}

function closeCard() {
  const current = panel.querySelector(".current");
  const hadFocus = card.contains(document.activeElement);
  card.hidden = true;
  current?.classList.remove("current");
  if (hadFocus) current?.querySelector("button")?.focus();
}

// The part of the address after "#" is not sent to the server.
function writeFragment() {
  const values = new URLSearchParams({ text: field.value });
  if ($("lang").value) values.set("lang", $("lang").value);
  if (wanted !== "text") values.set("view", wanted);
  history.replaceState(null, "", `#${values}`);
}

function readFragment() {
  const values = new URLSearchParams(location.hash.slice(1));
  if (values.has("text")) field.value = values.get("text");
  $("lang").value = values.get("lang") || "";
  if ($("lang").selectedIndex < 0) $("lang").value = "";
  if (Object.hasOwn(TITLES, values.get("view") || "")) wanted = values.get("view");
}

function save(name, type, content) {
  const address = URL.createObjectURL(new Blob([content], { type }));
  make("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  annotate();
});
field.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) annotate();
});
$("examples").addEventListener("change", () => {
  example = examples[$("examples").value] || {};
  if (!example.text) return;
  field.value = example.text;
  annotate();
});
$("lang").addEventListener("change", () => found && annotate());
$("token").addEventListener("change", () => {
  setToken($("token").value);
  annotate();
});
$("share").addEventListener("click", async () => {
  writeFragment();
  try {
    await navigator.clipboard.writeText(location.href);
    $("status").textContent = "The link is in the clipboard. It contains the text.";
  } catch {
    $("status").textContent = "The address of this page is the link. It contains the text.";
  }
});
$("save-json").addEventListener("click", () => save("document.json", "application/json", `${JSON.stringify(found, null, 1)}\n`));
$("save-html").addEventListener("click", () =>
  fail(async () => {
    const styles = views().filter((name) => name in DRAWN).map((name) => DRAWN[name]);
    const { html } = await request("v1/render", { document: found, styles, page: true });
    save("document.html", "text/html", html);
  }),
);
$("theme").addEventListener("click", () => {
  const root = document.documentElement;
  const isDark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = isDark ? "light" : "dark";
});
tabs.addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  const names = views();
  event.preventDefault();
  select(names[(names.indexOf(tab) + step + names.length) % names.length]);
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !card.hidden) closeCard();
});
addEventListener("hashchange", () => {
  readFragment();
  if (field.value.trim()) annotate();
});
let resized = 0;
let lastWidth = innerWidth;
addEventListener("resize", () => {
  clearTimeout(resized);
  resized = setTimeout(() => {
    if (innerWidth !== lastWidth && found && tab in DRAWN) draw();
    lastWidth = innerWidth;
  }, 250);
});

fail(start);
