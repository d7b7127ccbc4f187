// The card of an entity: a mention with its candidates, and what the knowledge base has: facts, names in languages.

import { counted, languageName, make, percent, request } from "./api.js";

const SHOWN_VALUES = 5; // of a property, before a button shows the others
const SHOWN_CANDIDATES = 10;

// Fill the card of a mention. `link` is the address of its entity's page, "" if it has none.
export function fillCard(card, found, number, options) {
  const entity = found.entities[number];
  const rows = [
    ["mention", make("bdi", {}, entity.text)],
    ["label", entity.label],
    ["score", percent(entity.score)],
    ["id", entity.kb_id ? idOf(entity.kb_id, options.link) : options.hasEntities && "not linked"],
    ["types", entity.types.join(", ")],
  ];
  const known = make("div", { "aria-live": "polite" });
  const open = (id) => fillEntity(card, id, [() => fillCard(card, found, number, options)], options);
  show(card, entity.name || entity.text, [], options, [listOf(rows), ...candidates(entity, options.hasEntities && open), ...relations(found, number), known]);
  if (entity.kb_id && options.hasEntities) addKnown(known, entity.kb_id, open, options.lang, { shown: entity.types });
}

// Fill the card of an entity of the knowledge base. `back` has what the button "Back" returns to.
function fillEntity(card, id, back, options) {
  const known = make("div", {}, make("p", { class: "mluke-note" }, "Loading …"));
  const title = show(card, id, back, options, [known]);
  const again = () => fillEntity(card, id, back, options);
  const open = (other) => fillEntity(card, other, [...back, again], options);
  addKnown(known, id, open, options.lang, { title });
}

function show(card, name, back, { close }, parts) {
  const title = make("h2", { tabindex: -1 }, make("bdi", {}, name));
  const buttons = [make("button", { type: "button", class: "close", "aria-label": "Close", onclick: close }, "✕")];
  if (back.length) buttons.unshift(make("button", { type: "button", onclick: back.at(-1) }, "← Back"));
  card.replaceChildren(make("div", { class: "card-buttons" }, ...buttons), title, ...parts);
  card.hidden = false;
  card.scrollTop = 0;
  if (back.length) title.focus({ preventScroll: true });
  return title;
}

function listOf(rows) {
  const list = make("dl");
  for (const [name, value] of rows) if (value) list.append(make("dt", {}, name), make("dd", {}, value));
  return list;
}

function idOf(id, url) {
  return url ? make("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, id) : id;
}

function entityButton(id, name, open, lang) {
  const text = make("bdi", name && lang ? { lang } : {}, name || id);
  return open && name ? make("button", { type: "button", class: "link", title: id, onclick: () => open(id) }, text) : text;
}

function candidates(entity, open) {
  if (!entity.candidates.length) return [];
  const head = ["candidate", "score", "prior"].map((name) => make("th", { scope: "col" }, name));
  const rows = entity.candidates.slice(0, SHOWN_CANDIDATES).map((one) =>
    make(
      "tr",
      one.kb_id === entity.kb_id ? { class: "chosen" } : {},
      make("th", { scope: "row" }, entityButton(one.kb_id, one.name, open), one.name ? make("small", {}, ` ${one.kb_id}`) : ""),
      make("td", {}, percent(one.score)),
      make("td", {}, percent(one.prior)),
    ),
  );
  const more = entity.candidates.length - rows.length;
  return [
    make("h3", {}, "Candidates"),
    make("table", {}, make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...rows)),
    more > 0 ? make("p", { class: "mluke-note" }, `and ${more} more`) : null,
  ].filter(Boolean);
}

function relations(found, number) {
  const sameAs = (i) => i === number || (found.entities[number].kb_id && found.entities[i].kb_id === found.entities[number].kb_id);
  const own = found.relations.filter((one) => sameAs(one.head) || sameAs(one.tail));
  if (!own.length) return [];
  const lines = own.map((one) => {
    const [head, tail] = [one.head, one.tail].map((i) => make("bdi", {}, found.entities[i].text));
    return make("li", {}, head, ` — ${one.label} → `, tail, ` (${percent(one.score)})`);
  });
  return [make("h3", {}, "Relations in this text"), make("ul", {}, ...lines)];
}

// What the knowledge base has comes from another request. It is dropped if the card shows something else by then.
async function addKnown(part, id, open, lang, { title, shown = [] }) {
  let entity;
  try {
    entity = await request(`v1/entities/${encodeURIComponent(id)}${lang ? `?lang=${encodeURIComponent(lang)}` : ""}`);
  } catch (error) {
    // A pipeline may link to ids that its knowledge base lacks.
    const text = error.status === 404 ? "The knowledge base does not have this entity." : error.message;
    part.replaceChildren(make("p", { class: "mluke-note" }, text));
    return;
  }
  if (!part.isConnected) return;
  title?.replaceChildren(make("bdi", lang ? { lang } : {}, entity.name));
  const links = entity.links.map((one) => make("span", { class: "register" }, idOf(one.id, one.url)));
  const description = entity.descriptions[lang] || entity.descriptions.en;
  part.replaceChildren(
    make("h3", {}, "In the knowledge base"),
    description ? make("p", { dir: "auto" }, description) : "",
    listOf([
      ["pages", links.length ? make("span", {}, ...links) : ""],
      ["type", entity.type],
      ["types", shown.some((one) => !entity.classes.includes(one)) || !shown.length ? entity.classes.join(", ") : ""],
    ]),
    ...facts(entity, open, lang),
    ...names(entity),
  );
}

function facts(entity, open, lang) {
  if (!entity.facts.length) return [];
  const groups = new Map();
  for (const one of entity.facts) groups.set(one.label, [...(groups.get(one.label) || []), one]);
  const list = make("dl", { class: "facts" });
  for (const [label, own] of groups) {
    const values = own.map((one) => make("span", { class: "value" }, entityButton(one.object, one.name, open, lang)));
    const value = make("dd", {}, ...values.slice(0, SHOWN_VALUES));
    const hidden = values.slice(SHOWN_VALUES);
    if (hidden.length) {
      const more = make("button", { type: "button", class: "link", "aria-label": `Show ${hidden.length} more: ${label}` }, `+ ${hidden.length}`);
      more.addEventListener("click", () => {
        more.replaceWith(...hidden);
        hidden[0].querySelector("button")?.focus();
      });
      value.append(more);
    }
    list.append(make("dt", {}, make("bdi", {}, label)), value);
  }
  const more = entity.n_facts - entity.facts.length;
  return [make("h3", {}, "Facts"), list, more > 0 ? make("p", { class: "mluke-note" }, `and ${counted(more, "more fact", "more facts")}`) : ""];
}

function names(entity) {
  const own = entity.names.filter((one) => one.kind === "name" && one.lang);
  if (!own.length) return [];
  const list = make("dl");
  for (const one of own) list.append(make("dt", {}, languageName(one.lang)), make("dd", {}, make("bdi", { lang: one.lang }, one.name)));
  return [make("details", {}, make("summary", {}, `Names in ${counted(new Set(own.map((one) => one.lang)).size, "language", "languages")}`), list)];
}
