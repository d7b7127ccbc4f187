// Questions about the text, and masks.

import { codePoints, make, percent, request, slice } from "./api.js";

const CONTEXT = 40; // characters on each side of an answer

// The panel of questions. `text` returns the text they are about.
export function makeQuestions({ text, question, fail }) {
  const field = make("textarea", { id: "questions", rows: 2, dir: "auto" });
  field.value = question;
  const results = make("div", { "aria-live": "polite" });
  const ask = async () => {
    const questions = field.value.split("\n").map((one) => one.trim()).filter(Boolean);
    if (!questions.length || !text().trim()) return;
    await fail(async () => {
      const asked = text();
      const { answers } = await request("v1/answer", { text: asked, questions, top_k: 3 });
      results.replaceChildren(...questions.map((one, i) => answerOf(one, answers[i], asked)));
    });
  };
  return panelOf(make("label", { for: "questions" }, "Questions about the text, one on each line"), field, "Answer", ask, results);
}

function answerOf(question, answers, text) {
  const lines = answers.map((one) => {
    const first = Math.max(0, one.start - CONTEXT);
    const before = (first ? "… " : "") + slice(text, first, one.start);
    const after = slice(text, one.end, one.end + CONTEXT) + (one.end + CONTEXT < codePoints(text) ? " …" : "");
    return make("li", {}, make("span", { dir: "auto" }, before, make("mark", {}, one.text), after), ` ${percent(one.score)}`);
  });
  const list = lines.length ? make("ol", {}, ...lines) : make("p", { class: "mluke-note" }, "The text does not answer it.");
  return make("div", { class: "result" }, make("p", { dir: "auto" }, make("b", {}, question)), list);
}

// The panel of masks.
export function makeMasks({ mask, lang, fail }) {
  const field = make("textarea", { id: "masks", rows: 2, dir: "auto" });
  field.value = mask;
  const results = make("div", { "aria-live": "polite" });
  const insert = make("button", { type: "button" }, "Insert [MASK]");
  insert.addEventListener("click", () => {
    field.setRangeText("[MASK]", field.selectionStart, field.selectionEnd, "end");
    field.focus();
  });
  const fill = async () => {
    if (!field.value.includes("[MASK]")) {
      results.replaceChildren(make("p", { class: "mluke-note" }, "The text has no [MASK]."));
      return;
    }
    await fail(async () => {
      const body = { text: field.value, top_k: 5, ...(lang() ? { lang: lang() } : {}) };
      const { masks } = await request("v1/fill", body);
      results.replaceChildren(...masks.map((one, i) => fillersOf(one, i, masks.length)));
    });
  };
  return panelOf(make("label", { for: "masks" }, "A text with [MASK] for an entity or a word"), field, "Fill", fill, results, insert);
}

function fillersOf(mask, i, n) {
  const lines = mask.fillers.map((one) =>
    make("li", {}, make("bdi", {}, one.text), one.kb_id ? ` ${one.kb_id}` : "", ` ${percent(one.score)}`),
  );
  const title = n > 1 ? `[MASK] ${i + 1}` : "[MASK]";
  return make("div", { class: "result" }, make("p", {}, make("b", {}, title)), make("ol", {}, ...lines));
}

function panelOf(label, field, name, run, results, ...more) {
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) run();
  });
  const button = make("button", { type: "button", class: "primary", onclick: run }, name);
  return make("div", {}, label, field, make("div", { class: "actions" }, button, ...more), results);
}
