/* A storefront in one page, without a framework and without a build step: everything it shows comes from the shop's API.
   What is around it (addresses of Oscar's own pages, the question) stands in storefront.html. */
import { Personalization, Problem } from "personalization";

const { productPage, basket, add: adding, search, catalogue } = document.body.dataset;
const shop = new Personalization(undefined, { language: document.documentElement.lang });
const page = document.getElementById("page");
const SEEN = 1000, QUIET = 1000, PLACES = 9, CARDS = { include: ["product"] };

/* Creates elements: text is always text, never markup. */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name in element) element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children.filter(Boolean));
  return element;
}

function price({ price }) {
  if (!price) return null;
  const style = { style: "currency", currency: price.currency, currencyDisplay: "narrowSymbol" };
  return make("p", { className: "price" }, new Intl.NumberFormat(document.documentElement.lang, style).format(price.amount));
}

function picture({ image }, side, more = {}) { // its place is kept free until it is there
  if (!image) return make("span", { className: "picture" });
  const size = { width: side, height: side };
  return make("img", { className: "picture", alt: "", decoding: "async", ...size, ...more, src: image });
}

function say(words) {
  document.querySelector("[data-said]").textContent = words;
}

function failed(error) { // the API's own words are meant to be read
  say(error instanceof Problem && error.code ? error.detail : "That did not work. Please try again.");
}

/* Rows and cards. */
const shown = new WeakMap(); // card -> { row, item }

function section(row, number) {
  const heading = make("h2", { id: `row-${number}` }, row.title);
  const list = make("ul", { role: "list", className: "cards" }, ...row.items.map((item) => card(row, item)));
  const why = make("p", { className: "why" }, row.reason.text);
  const links = row.links.length > 0 && make("p", { className: "links" }, ...row.links.map(link));
  const named = { "aria-labelledby": heading.id, "data-row": row.type, "data-personal": row.personal };
  return make("section", { className: "row", ...named }, heading, why, links, list);
}

function link({ target, text, params }) {
  const href = target === "basket" ? "#/basket" : `${search}?${new URLSearchParams({ q: params.query })}`;
  return make("a", { href }, text);
}

function card(row, item) {
  const { product } = item;
  const href = `#/product/${item.id}`;
  const reason = item.reason.text && item.reason.text !== row.reason.text && make("p", { className: "why" }, item.reason.text);
  const cover = make("a", { href, tabIndex: -1, "aria-hidden": "true" }, picture(product, 160, { loading: "lazy" }));
  const title = make("h3", {}, make("a", { href }, product.title));
  const parts = [cover, title, ...offer(row, item), reason];
  const element = make("li", { className: "card", "data-product": item.id }, ...parts);
  shown.set(element, { row, item });
  if (!row.token) return element; // without consent nothing is stored, so nothing can be dismissed
  const heard = make("span", { className: "heard" }, ` in ${product.title}`);
  const away = { type: "button", className: "quiet", onclick: () => dismiss(element) };
  element.append(make("button", away, "Not interested", heard));
  watcher.observe(element);
  return element;
}

function offer(row, item) {
  const { availability_message: notice } = item.product;
  return [price(item.product), notice && make("p", { className: "notice" }, notice), buy(row, item)];
}

function buy(row, item) {
  const { title, url, addable_in_one_click } = item.product;
  const heard = make("span", { className: "heard" }, `: ${title}`);
  if (!addable_in_one_click) return make("a", { className: "button", href: url }, "View options", heard);
  const press = ({ currentTarget }) => addToBasket(row, item, currentTarget);
  return make("button", { type: "button", className: "button", onclick: press }, "Add to basket", heard);
}

/* Oscar's own form. It redirects to `next` if the product was added, and elsewhere if not. */
async function addToBasket(row, item, button) {
  if (button.ariaBusy) return;
  button.ariaBusy = "true";
  if (row) report("select_item", item, row);
  try {
    const { value } = document.querySelector("[name=csrfmiddlewaretoken]");
    const body = new URLSearchParams({ quantity: 1, next: `${location.pathname}?added`, csrfmiddlewaretoken: value });
    const answer = await fetch(adding.replace("0", item.id), { method: "POST", body });
    if (!answer.ok || !answer.url.endsWith("?added")) throw new Error("not added");
    if (location.hash === "#/basket") await show(true);
    say(`${item.product.title} was added to your basket.`);
  } catch (error) {
    failed(error);
  }
  button.ariaBusy = null;
}

async function dismiss(element) {
  const { item } = shown.get(element), inside = [...element.children];
  try {
    await shop.dismiss(item.id);
  } catch (error) {
    failed(error);
    return;
  }
  const undo = make("button", { type: "button", className: "quiet" }, "Undo");
  undo.onclick = () => shop.restore(item.id).then(() => {
    element.replaceChildren(...inside);
    inside.at(-1).focus();
  }, failed);
  const said = make("p", { className: "gone" }, `We won't show ${item.product.title} for a while.`);
  element.replaceChildren(said, undo);
  undo.focus({ preventScroll: true });
}

/* Reports for visitors with consent: cards that were half visible for a second, and clicks. */
let standing = "", timer, asking;
const waiting = new Map(), events = [];
const watcher = new IntersectionObserver((changes) => {
  for (const { target, intersectionRatio } of changes) {
    clearTimeout(waiting.get(target));
    if (intersectionRatio >= 0.5) waiting.set(target, setTimeout(saw, SEEN, target));
  }
}, { threshold: 0.5 });

function saw(element) {
  watcher.unobserve(element);
  const { row, item } = shown.get(element);
  report("view_item_list", item, row);
}

function report(name, { id, position }, { token } = {}) {
  if (standing !== "granted" || token === "") return;
  const params = { slate: token, items: [{ item_id: String(id), index: position }] };
  events.push({ id: crypto.randomUUID(), name, at: Date.now(), params });
  clearTimeout(timer);
  timer = setTimeout(send, QUIET);
}

function send() { // a report that is lost is no reason to bother anybody
  const some = events.splice(0, 50);
  if (some.length) shop.report({ sent_at: Date.now(), events: some }).catch(() => {});
}

/* The pages: each has a heading and names its rows. */
const PAGES = {
  home: () => ({ heading: "Welcome", rows: (options) => shop.surface("home", CARDS, options) }),
  basket: () => ({
    heading: "Basket",
    facts: [make("a", { className: "button button--main", href: basket }, "View your basket and check out")],
    rows: goesWithBasket,
  }),
  product: (key) => ({ ...about(key), rows: (options) => around(key, options) }),
};

async function goesWithBasket(options) { // nothing may be missing from it: then what the home page has
  const slate = await shop.surface("basket", CARDS, options);
  return slate.rows.length ? slate : shop.surface("home", CARDS, options);
}

async function around(product, options) { // in one round trip, and nothing stands there twice
  const requests = ["product", "basket"].map((surface) => ({ surface, product, ...CARDS }));
  const { slates } = await shop.recommend({ requests }, options);
  return { rows: slates.flatMap(({ rows }) => rows) };
}

/* The data of the card that was clicked. A visitor who opens the URL directly gets a link to the shop. */
function about(key) {
  const item = history.state?.item;
  report("view_item", item ?? { id: key });
  const href = item?.product.url ?? productPage.replace("_0", `_${key}`);
  const more = make("p", {}, make("a", { href }, "View it in the shop"));
  if (!item) return { heading: `Product ${key}`, facts: [more] };
  const offered = make("div", {}, ...offer(null, item), more);
  const card = make("div", { className: "product" }, picture(item.product, 320), offered);
  return { heading: item.product.title, facts: [card] };
}

async function show(moved = false) {
  asking?.abort(); // somebody went on
  const { signal } = (asking = new AbortController());
  waiting.forEach(clearTimeout);
  watcher.disconnect();
  const [, name = "home", key] = location.hash.match(/^#\/(basket$|product(?=\/\d+$))\/?(\d*)/) ?? [];
  const { heading, facts = [], rows } = PAGES[name](Number(key));
  const title = make("h1", { tabIndex: -1 }, heading);
  const place = make("div", { className: "rows" });
  document.title = `${heading} | Storefront`;
  page.replaceChildren(title, ...facts, place);
  if (moved) title.focus({ preventScroll: true });
  say("Loading …");
  try {
    const found = (await rows({ signal })).rows.map(section);
    place.append(...(found.length ? found : ["There is nothing to recommend here yet."]));
    say("");
  } catch (error) {
    if (signal.aborted) return;
    place.append(apology());
    failed(error);
  }
  scrollTo(0, history.state?.y ?? 0);
}

function apology() {
  const again = make("button", { type: "button", className: "button", onclick: () => show(true) }, "Try again");
  return make("div", { className: "plain" }, make("p", {}, "The recommendations are not available at the moment."), again);
}

/* Around the pages: the menu, the consent banner, and navigation. */
async function menu() {
  const { shortcuts, menu } = await shop.navigation();
  const places = [...shortcuts, ...menu.filter(({ id }) => shortcuts.every((one) => one.id !== id))];
  const listed = [...places.slice(0, PLACES), { name: "All products", url: catalogue }];
  const lines = listed.map(({ name, url }) => make("li", {}, make("a", { href: url }, name)));
  document.querySelector("[data-navigation]").append(make("ul", { role: "list" }, ...lines));
}

function stands({ consent }) {
  standing = consent.code;
  for (const part of document.querySelectorAll("[data-standing]")) part.hidden = part.dataset.standing !== standing;
}

function choose({ target }) {
  shop.changePreferences({ consent: target.dataset.consent }).then(stands).then(() => show(true), failed);
}

function move(event) {
  const link = event.target.closest("a[href^='#/'], [data-skip]");
  const seen = shown.get(event.target.closest(".card"));
  if (seen && event.button < 2 && event.target.closest("a")) report("select_item", seen.item, seen.row);
  if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  if ("skip" in link.dataset) return page.querySelector("h1").focus();
  history.replaceState({ ...history.state, y: scrollY }, "");
  history.pushState({ item: seen?.item }, "", link.hash);
  show(true);
}

history.scrollRestoration = "manual";
document.addEventListener("click", move);
document.addEventListener("auxclick", move);
document.addEventListener("visibilitychange", send);
addEventListener("popstate", () => show(true));
for (const button of document.querySelectorAll("[data-consent]")) button.addEventListener("click", choose);
menu().catch(() => {});
await shop.preferences().then(stands, () => {}); // first, so that the question moves nothing
await show();
