/* Fetches what is the visitor's own on a page that a cache hands to anybody.

   <script src="fragments.js" defer data-ask="where to ask" data-found="hits of a search">

   [data-place] is around rows, each a section, or a content block, or for the question of consent;
   [data-add] is on links that become forms. What has the focus stays, and so does a row in view whose successor is higher. Without an answer in time
   the page stays as it is, and forms wait for their token. */
(() => {
  "use strict";
  const { ask, found } = document.currentScript?.dataset ?? {};
  if (!ask) return;

  const PATIENCE = 2000, TOKEN = "csrfmiddlewaretoken";
  const HEADER = [".basket-mini", ".btn-cart", ".accounts .navbar-nav", "[aria-labelledby=navbarDropdown]"];
  const all = (selector, from = document) => [...from.querySelectorAll(selector)];
  const here = location.pathname + location.search;
  let token;

  async function answer(signal) {
    const asked = new URLSearchParams({ page: here, from: document.referrer });
    if (found) asked.set("found", found);
    for (const { dataset } of all("[data-place]")) asked.append("place", dataset.place);
    const response = await fetch(`${ask}?${asked}`, { signal, headers: { Accept: "application/json" } });
    if (!response.ok) throw new Error(response.status);
    return response.json();
  }

  const lacksToken = (form) => form.method === "post" && !form.elements[TOKEN]?.value.trim()
    && new URL(form.getAttribute("action") ?? "", location).origin === location.origin;

  function field(form, name, value) {
    const input = form.elements[name] ?? document.createElement("input");
    Object.assign(input, { type: "hidden", name, value });
    form.append(input);
  }

  function sign(given) {
    token = given;
    for (const link of all("a[data-add]")) if (link !== document.activeElement) link.replaceWith(formOf(link));
    for (const form of all("form")) if (lacksToken(form)) field(form, TOKEN, token);
  }

  function formOf({ dataset, className }) {
    const form = document.createElement("form"), button = document.createElement("button");
    Object.assign(form, { method: "post", action: dataset.add });
    Object.assign(button, { type: "submit", className, textContent: dataset.label });
    field(form, "quantity", 1);
    field(form, "next", here);
    form.append(button);
    return form;
  }

  const focused = (element) => element.contains(document.activeElement) || element.querySelector(".show");

  function replace(old, own) {
    if (!old || !own || focused(old)) return;
    const { top, height } = old.getBoundingClientRect();
    old.replaceWith(own);
    if (!own.matches("section")) return;
    const seen = top < innerHeight;
    own.style.minHeight = seen ? `${height}px` : 0;
    if (seen && own.offsetHeight > height + 1) own.replaceWith(old);
  }

  /* What is left comes after the last row, where that is out of sight. */
  function renew(rows, own) {
    rows.forEach((row, at) => replace(row, own[at]));
    const last = own.findLast((row) => row.ownerDocument === document);
    if (last && last.getBoundingClientRect().bottom > innerHeight) last.after(...own.slice(rows.length));
  }

  function place(html) {
    const page = new DOMParser().parseFromString(html, "text/html");
    for (const name of HEADER) replace(document.querySelector(name), page.querySelector(name));
    all(".personalization-shortcuts", page).forEach((own) => {
      document.querySelector("#navbarSupportedContent .navbar-nav")?.append(own.closest("li"));
    });
    for (const old of all("[data-place]")) {
      const part = page.querySelector(`[data-part="${CSS.escape(old.dataset.place)}"]`);
      if (old.dataset.place === "consent") old.replaceChildren(...(part?.children ?? []));
      else if (part) renew(all("section", old), all("section", part));
    }
    return all("[data-part=scripts] > *", page);
  }

  function run(element) {
    const own = document.createElement(element.localName);
    for (const { name, value } of element.attributes) own.setAttribute(name, value);
    own.async = false;
    document.body.append(own);
  }

  const asking = answer(AbortSignal.timeout?.(PATIENCE)).then((given) => {
    const scripts = place(given.html);
    sign(given.token);
    scripts.forEach(run);
  }).catch(() => {});

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!lacksToken(form) || form.dataset.asked) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    asking.then(async () => {
      if (!token) await answer().then((given) => sign(given.token)).catch(() => {});
      form.dataset.asked = "yes"; // the shop says what is wrong, if it has none now
      form.requestSubmit(event.submitter);
    });
  }, true);
})();
