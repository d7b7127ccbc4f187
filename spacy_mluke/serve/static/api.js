// Requests to the server, and parts of pages.

let token = "";

export function setToken(value) {
  token = value.trim();
}

export class RequestError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

// Send a request. Without a body it is a GET.
export async function request(path, body, signal) {
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  const options = { headers, signal };
  if (body !== undefined) {
    headers["Content-Type"] = "application/json";
    Object.assign(options, { method: "POST", body: JSON.stringify(body) });
  }
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new RequestError(0, "The server does not answer.");
  }
  const found = await response.json().catch(() => ({}));
  if (!response.ok) throw new RequestError(response.status, found.detail || `The server answers ${response.status}.`);
  return found;
}

// Make an element. Text is always text: nothing here parses HTML.
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child != null));
  return element;
}

// The nodes of HTML that the server has rendered. A parsed document runs no scripts.
export function nodesOf(html) {
  const parsed = new DOMParser().parseFromString(html, "text/html");
  return [...parsed.body.childNodes].map((node) => document.adoptNode(node));
}

// A part of a text by code points, in which the server counts; strings here are UTF-16.
export function slice(text, start, end) {
  return Array.from(text).slice(start, end).join("");
}

export function codePoints(text) {
  return Array.from(text).length;
}

export function percent(value) {
  return value == null ? "" : value.toFixed(2);
}

const NAMES = new Intl.DisplayNames(["en"], { type: "language" });

export function languageName(code) {
  try {
    return NAMES.of(code) || code;
  } catch {
    return code;
  }
}

export function counted(n, one, many) {
  return `${n} ${n === 1 ? one : many}`;
}
