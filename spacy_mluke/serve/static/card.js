// The card of an entity: its id, types, candidates, facts, and names in languages.

import { languageName, make, percent, request } from "./api.js";

const MAX_NAMES = 60;

// Fill the card of a mention. `link` is the address of its entity's page, "" if it has none.
export function fillCard(card, found, number, { link, lang, close, hasEntities }) {
  const entity = found.entities[number];
  const title = make("h2", {}, make("bdi", {}, entity.name || entity.text));
  const rows = [
    ["mention", make("bdi", {}, entity.text)],
    ["label", entity.label],
    ["score", percent(entity.score)],
    ["id", entity.kb_id && (link ? make("a", { href: link, target: "_blank", rel: "noopener noreferrer" }, entity.kb_id) : entity.kb_id)],
    ["types", entity.types.join(", ")],
  ];
  const list = make("dl");
  for (const [name, value] of rows) if (value) list.append(make("dt", {}, name), make("dd", {}, value));
  card.replaceChildren(
    make("button", { type: "button", class: "close", "aria-label": "Close", onclick: close }, "✕"),
    title,
    list,
    ...candidates(entity),
    ...facts(found, number),
  );
  card.hidden = false;
  if (entity.kb_id && hasEntities) addNames(card, entity.kb_id, lang);
}

function candidates(entity) {
  if (!entity.candidates.length) return [];
  const head = ["candidate", "score", "prior"].map((name) => make("th", { scope: "col" }, name));
  const rows = entity.candidates.slice(0, 10).map((one) =>
    make(
      "tr",
      {},
      make("th", { scope: "row" }, make("bdi", {}, one.name || one.kb_id), one.name ? ` ${one.kb_id}` : ""),
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

function facts(found, number) {
  const sameAs = (i) => i === number || (found.entities[number].kb_id && found.entities[i].kb_id === found.entities[number].kb_id);
  const own = found.relations.filter((one) => sameAs(one.head) || sameAs(one.tail));
  if (!own.length) return [];
  const lines = own.map((one) => {
    const [head, tail] = [one.head, one.tail].map((i) => make("bdi", {}, found.entities[i].text));
    return make("li", {}, head, ` — ${one.label} → `, tail, ` (${percent(one.score)})`);
  });
  return [make("h3", {}, "Relations in this text"), make("ul", {}, ...lines)];
}

// Names come from another request, and only if the card still shows the same entity.
async function addNames(card, id, lang) {
  const part = make("div", {});
  card.append(part);
  let entity;
  try {
    entity = await request(`v1/entities/${encodeURIComponent(id)}${lang ? `?lang=${encodeURIComponent(lang)}` : ""}`);
  } catch {
    return; // The id is not in the knowledge base: the card is complete without names.
  }
  const names = entity.names.filter((one) => one.kind === "name" && one.lang);
  if (!part.isConnected || !names.length) return;
  const list = make("dl");
  for (const one of names.slice(0, MAX_NAMES)) {
    list.append(make("dt", {}, languageName(one.lang)), make("dd", {}, make("bdi", { lang: one.lang }, one.name)));
  }
  part.append(make("h3", {}, `Names in ${names.length} languages`), list);
  if (entity.type) part.prepend(make("p", { class: "mluke-note" }, `Type in the knowledge base: ${entity.type}`));
}
