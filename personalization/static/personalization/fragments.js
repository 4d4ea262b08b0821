/* Fetches what is the visitor's own on a page that a cache hands to anybody, and puts it into its places.

   <script src="fragments.js" defer data-ask="where to ask" data-found="hits of the page's search">

   Marked up: [data-place=surface] around rows, each of which is replaced where it stands; [data-place=consent], where the
   question is put; [data-add] on links that become forms. Of the page's header the elements are renewed that Oscar's
   templates have there. What the focus is in stays, and so does a row whose successor would push what is in view.
   Without an answer within two seconds the page stays as it is, but for its forms, which wait for their token. */
(() => {
  "use strict";
  const { ask, found } = document.currentScript?.dataset ?? {};
  if (!ask) return;

  const PATIENCE = 2000, TOKEN = "csrfmiddlewaretoken";
  const HEADER = [".basket-mini", ".btn-cart", ".accounts .navbar-nav", ".navbar-nav [aria-labelledby=navbarDropdown]"];
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
    for (const link of all("[data-add]")) if (link !== document.activeElement) link.replaceWith(formOf(link));
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
    if (!own.matches(".personalization-row")) return;
    if (own.offsetHeight > height + 1 && top < innerHeight) own.replaceWith(old);
    else own.style.minHeight = `${height}px`;
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
      else if (part) all(".personalization-row", old).forEach((row, at) => replace(row, all(".personalization-row", part)[at]));
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
  }).catch(() => {}); // the page stays everybody's

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
