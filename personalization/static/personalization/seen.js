/* Reports what was really seen and used on this page; printed only for visitors who agreed to that.

   <script src="seen.js" defer data-to="the door's address"
           data-product="key of the page's product" data-search="what was searched for" data-found="hits"
           data-exposure="token of its experiments">

   Marked up: [data-slate=token] around the [data-product=key] cards of a row; or, for lists in markup that is not ours,
   [data-slate=token][data-links="key path key path"], whose cards are found by their links: in this element, or beside
   it where it is empty. Rows that come later, as Oscar's basket brings them, are taken in; `personalization.look()`,
   our one global, does so at once. Nothing is kept on the device.

   What others push to `window.dataLayer` under GA4's names (GTM's objects and gtag's arguments) is reported, too, with
   only the fields that the door reads. What this script reports itself wins, as it knows what was really seen:
   view_item and user_engagement on a product's page, search on the search page, view_item_list and select_item on a
   page with products of which we report what was seen. */
(() => {
  "use strict";
  const script = document.currentScript;
  if (!script || window.personalization?.look) return; // loaded twice

  const { to, product, search, found, exposure } = script.dataset;
  const SEEN = 1000, SETTLED = 100, QUIET = 2000, AT_ONCE = 20, LETTERS = 20000, KEPT = 200, TRIES = 4;
  const NAMES = ["view_item_list", "select_item", "view_item", "user_engagement", "search", "add_to_cart",
    "remove_from_cart", "view_cart", "begin_checkout", "add_to_wishlist", "item_feedback"];
  const LATER = ["not_stored", "server_busy", "rate_limited"]; // what the door rejects and would take later
  const keepalive = "keepalive" in Request.prototype;

  /* Sending: one delivery at a time, as the answer to a browser's first one makes it known. */
  const queue = []; // events as JSON, so that nobody changes them any more
  const seen = new Map(); // token of a row -> what was seen of it and is not in the queue yet
  let timer, flying = 0, failed = 0, rested = 0;

  function uuid() {
    if (crypto.randomUUID) return crypto.randomUUID(); // on secure pages only
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    bytes[6] = (bytes[6] & 15) | 64;
    bytes[8] = (bytes[8] & 63) | 128;
    const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
    return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
  }

  function report(event) {
    queue.push(JSON.stringify({ id: uuid(), at: Date.now(), ...event }));
    queue.splice(0, queue.length - KEPT);
    soon();
  }

  function soon() {
    clearTimeout(timer);
    const quiet = queue.length + seen.size < AT_ONCE ? QUIET : 0;
    timer = setTimeout(flush, Math.max(quiet, rested - performance.now()));
  }

  function flush(leaving) {
    clearTimeout(timer);
    if (flying && leaving !== true) return;
    for (const [slate, { at, items }] of seen) {
      queue.push(JSON.stringify({ id: uuid(), at, name: "view_item_list", slate, items }));
    }
    seen.clear();
    let count = 0, letters = 0;
    while (count < Math.min(queue.length, AT_ONCE) && (letters += queue[count].length) < LETTERS) count += 1;
    const batch = queue.splice(0, count || 1);
    if (!batch.length) return;
    send(batch, leaving === true);
    if (leaving === true) flush(true);
  }

  async function send(batch, leaving) {
    const body = `{"sent_at":${Date.now()},"events":[${batch.join()}]}`;
    if (leaving && !keepalive && navigator.sendBeacon?.(to, body)) return;
    flying += 1;
    let again = batch; // where there is no connection
    try {
      again = await unheard(await fetch(to, { method: "POST", body, keepalive: true }), batch);
    } catch {}
    flying -= 1;
    failed = again.length && (failed + 1) % TRIES; // then it waits for the next one
    // 2 to 6 seconds, 4 to 12, 8 to 24: browsers that failed together come apart
    rested = failed && performance.now() + QUIET * 2 ** failed * (0.5 + Math.random());
    if (failed || queue.length || seen.size) soon();
    queue.unshift(...again);
  }

  async function unheard(answer, batch) {
    const { status } = answer;
    if (status === 408 || status === 429 || status >= 500) return batch;
    const { rejected = [] } = answer.ok ? await answer.json() : {};
    return rejected.filter(({ code }) => LATER.includes(code)).map(({ index }) => batch[index]);
  }

  /* Seen: at least half of a card for one second, once a page. */
  const waiting = new Map(); // cards half visible -> timer; 0 while the page is hidden
  const counted = new WeakSet();
  const observer = new IntersectionObserver((entries) => {
    for (const { target, intersectionRatio } of entries) {
      clearTimeout(waiting.get(target));
      waiting.delete(target);
      if (intersectionRatio >= 0.5 && !counted.has(target)) wait(target);
    }
  }, { threshold: 0.5 });

  function wait(card) {
    waiting.set(card, document.hidden ? 0 : setTimeout(saw, SEEN, card));
  }

  function saw(card) {
    waiting.delete(card);
    counted.add(card);
    observer.unobserve(card);
    const { slate, item } = place(card);
    if (!seen.has(slate)) seen.set(slate, { at: Date.now(), items: [] });
    seen.get(slate).items.push(item);
    soon();
  }

  function place(card) {
    if (listed.has(card)) return listed.get(card);
    const row = card.closest("[data-slate]");
    const index = [...row.querySelectorAll("[data-product]")].indexOf(card);
    return { slate: row.dataset.slate, item: { item_id: card.dataset.product, index } };
  }

  /* A card of a list is the largest element that leads to no other item of it. */
  const listed = new WeakMap(); // card -> its place

  function find(list) {
    const scope = list.firstElementChild ? list : list.parentElement;
    const words = list.dataset.links.split(" "), places = {}, cards = [];
    for (let at = 0; at < words.length; at += 2) {
      places[new URL(words[at + 1], location).pathname] = { item_id: words[at], index: at / 2 };
    }
    const links = [...scope.querySelectorAll("a[href]")].filter((link) => {
      const row = link.closest("[data-slate]");
      return places[link.pathname] && (!row || row === list);
    });
    for (const link of links) {
      const item = places[link.pathname];
      let card = link, above;
      while ((above = card.parentElement) !== scope && !/^[OU]L$/.test(above.tagName)
        && links.every((other) => places[other.pathname] === item || !above.contains(other))) card = above;
      listed.set(card, { slate: list.dataset.slate, item });
      cards.push(card);
    }
    return cards;
  }

  function cardOf(target) {
    while (target && !listed.has(target) && !target.matches?.("[data-slate] [data-product]")) target = target.parentNode;
    return target;
  }

  let looking;
  const later = new MutationObserver(() => { // once for all that changes together
    clearTimeout(looking);
    looking = setTimeout(look, SETTLED);
  });

  function look() {
    const lists = [...document.querySelectorAll("[data-slate][data-links]")];
    for (const card of [...document.querySelectorAll("[data-slate] [data-product]"), ...lists.flatMap(find)]) {
      if (!counted.has(card)) observer.observe(card);
    }
  }

  /* Used: a link or the basket's button of a card. */
  function used({ target }) {
    const card = cardOf(target);
    if (!card) return;
    const { slate, item } = place(card);
    report({ name: "select_item", slate, items: [item] });
  }

  function clicked(event) {
    if (event.button < 2 && event.target.closest?.("a[href]")) used(event);
  }

  /* The time that a product's page is visible. Back from the back/forward cache it goes on; nothing else is anew. */
  let since = 0;

  function shown() {
    if (document.hidden) return;
    since ||= performance.now();
    for (const [card, pending] of waiting) if (!pending) wait(card);
  }

  function left() {
    for (const [card, pending] of waiting) {
      clearTimeout(pending);
      waiting.set(card, 0);
    }
    const stayed = since && Math.round(performance.now() - since);
    since = 0;
    if (product && stayed) {
      report({ name: "user_engagement", items: [{ item_id: product }], engagement_time_msec: stayed });
    }
    flush(true);
  }

  /* The shop's own data layer. */
  function ours(name) {
    if (name === "search") return search;
    if (name === "view_item" || name === "user_engagement") return product;
    return (name === "view_item_list" || name === "select_item") && document.querySelector("[data-slate]:not([data-kind^=c])");
  }

  function heard(entry) {
    try {
      const gtag = entry[0] === "event";
      const event = gtag ? entry[1] : entry.event;
      if (!NAMES.includes(event) || ours(event)) return;
      const { items, search_term, value, engagement_time_msec } = gtag ? entry[2] : { ...entry, ...entry.ecommerce };
      const params = { search_term, value, engagement_time_msec };
      params.items = items?.map(({ item_id, index, quantity }) => ({ item_id, index, quantity }));
      report({ event, params });
    } catch {
      // not what GA4 takes
    }
  }

  function listen() {
    const layer = window.dataLayer;
    if (!Array.isArray(layer)) return false;
    layer.forEach(heard);
    const push = layer.push;
    layer.push = function (...entries) {
      const answer = push.apply(this, entries);
      entries.forEach(heard);
      return answer;
    };
    return true;
  }

  /* Not while a page is made ready that perhaps nobody opens, nor in a tab that nobody looked at yet. */
  function start() {
    const event = document.prerendering ? "prerenderingchange" : document.hidden && "visibilitychange";
    if (event) {
      document.addEventListener(event, start, { once: true });
      return;
    }
    if (exposure) report({ name: "exposure", slate: exposure });
    if (product) report({ name: "view_item", items: [{ item_id: product }] });
    if (search) report({ name: "search", search_term: search, value: found });
    shown();
    look();
    later.observe(document.body, { childList: true, subtree: true });
    flush();
    document.addEventListener("visibilitychange", () => (document.hidden ? left() : shown()));
    addEventListener("pagehide", left);
    addEventListener("pageshow", shown);
    document.addEventListener("click", clicked, true);
    document.addEventListener("auxclick", clicked, true);
    document.addEventListener("submit", used, true);
    if (!listen()) addEventListener("load", listen, { once: true });
  }

  window.personalization = { look };
  start();
})();
