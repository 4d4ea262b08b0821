/* Adds to the basket from a card without leaving the place: the forms of cards go to Oscar's own views in the background.

   <script src="basket.js" defer data-add="address that adds product 0" data-basket="Oscar's basket page"
           data-state="where the basket is read again" data-failed="..." data-removed="...">

   A card is an element with the class `product_pod`, `personalization-row__item` or `personalization-post__item`. Its
   form, when there is nothing to fill in, puts one more into the basket each time; "−" changes the quantity by Oscar's basket form. What Oscar answers,
   its refusals too, is said in a live region, and a refusal stands beside the button. In the page's header, elements
   with the classes `basket-mini` and `btn-cart` are those of Oscar's templates, and are replaced by new ones.
   Without this script, or on the basket's own page, the forms are submitted as ever. */
(() => {
  "use strict";
  const script = document.currentScript;
  const { add, basket, state, failed, removed } = script?.dataset ?? {};
  if (!add || location.pathname === basket) return;

  const CARD = ".product_pod, .personalization-row__item, .personalization-post__item";
  const STEPPER = "personalization-stepper", SHOWN = 6000;
  const zero = add.lastIndexOf("0");
  const [before, after] = [add.slice(0, zero), add.slice(zero + 1)];
  const steppers = new Map(); // form -> { minus, count, button, content }
  let lines = [], queue = Promise.resolve(), hiding;

  const announcement = document.createElement("div");
  announcement.className = "personalization-announcement";
  announcement.setAttribute("role", "status"); // polite
  document.body.append(announcement);

  /* The product that the form of a card puts into the basket; nothing for any other form. */
  function productOf(form) {
    if (form?.tagName !== "FORM" || !form.closest(CARD)) return undefined;
    const path = new URL(form.getAttribute("action") ?? "", location).pathname;
    const key = path.slice(before.length, path.length - after.length);
    const plain = [...form.elements].every(({ type }) => ["hidden", "submit", "button"].includes(type));
    return plain && path === before + key + after && /^\d+$/.test(key) ? Number(key) : undefined;
  }

  const lineOf = (product) => lines.findLast((line) => line.product_id === product);

  /* One change at a time: Oscar's answer to a browser's first one makes its basket. */
  function change(form, request) {
    queue = queue.then(async () => {
      note(form);
      form.setAttribute("aria-busy", "true");
      try {
        await send(form, ...request());
      } catch {
        refuse(failed, form);
      }
      form.removeAttribute("aria-busy");
    });
  }

  async function send(form, address, fields) {
    const product = productOf(form);
    const options = { headers: { Accept: "application/json" }, referrer: state }; // where Oscar leads back to
    const answer = await fetch(address, { ...options, method: "POST", body: new URLSearchParams(fields) });
    const led = new URL(answer.url).pathname === state;
    if (!answer.ok && !led) throw new Error(answer.status);
    const problems = led ? [] : problemsIn(await answer.text());
    const now = await (led ? answer : await fetch(state, options)).json();
    lines = now.lines;
    problems.push(...now.messages.filter((message) => message.is_problem).map((message) => message.text));
    if (!led && !problems.length && !lineOf(product) && !steppers.has(form)) {
      form.dataset.plain = "yes"; // the shop leads somewhere else first, such as to sign in
      form.requestSubmit();
      return;
    }
    if (!problems.length) draw(form, product);
    update(now);
    const news = now.messages.filter((message) => !message.is_problem).map((message) => message.text);
    const quantity = lineOf(product)?.label;
    if (problems.length) refuse(problems.join(" "), form);
    else tell([...news, quantity ?? removed, now.total].map(sentence).join(" "), form);
  }

  const sentence = (text) => (/[.!?…]$/.test(text) ? text : `${text}.`);

  const parsed = (html) => new DOMParser().parseFromString(html, "text/html");

  /* What a page says where Oscar answered with one: its messages, and the errors of its forms. */
  function problemsIn(html) {
    const page = parsed(html);
    const errors = page.querySelectorAll("#basket_formset .error-block, .errorlist li");
    const found = errors.length ? errors : page.querySelectorAll("#messages :is(.alert-danger, .alert-warning) .alertinner");
    return [...found].map((element) => element.textContent.trim().replace(/\s+/g, " "));
  }

  function update({ header }) {
    for (const form of steppers.keys()) draw(form, productOf(form));
    const parts = parsed(header);
    for (const name of [".basket-mini", ".btn-cart"]) {
      const [part, old] = [parts.querySelector(name), document.querySelector(name)];
      if (part && old) old.replaceWith(part);
    }
  }

  /* The form of a card as the basket has its product: a stepper whose "+" is the form's own button, so the focus stays. */
  function draw(form, product) {
    const line = lineOf(product);
    if (line && !steppers.has(form)) build(form);
    const stepper = steppers.get(form);
    if (!stepper) return;
    if (!line) return restore(form, stepper);
    stepper.count.textContent = line.label;
    stepper.minus.setAttribute("aria-label", line.less);
    stepper.button.setAttribute("aria-label", line.more);
  }

  function build(form) {
    const button = form.querySelector("button:not([type=button]), [type=submit]");
    const minus = document.createElement("button");
    const count = document.createElement("span");
    minus.type = "button";
    minus.className = button.className;
    minus.textContent = "\u2212";
    minus.addEventListener("click", () => change(form, () => less(form)));
    steppers.set(form, { minus, count, button, content: [...button.childNodes] });
    button.replaceChildren("+");
    button.before(minus, count);
    form.classList.add(STEPPER);
  }

  function restore(form, { minus, count, button, content }) {
    const focused = document.activeElement === minus;
    steppers.delete(form);
    form.classList.remove(STEPPER);
    button.replaceChildren(...content);
    button.removeAttribute("aria-label");
    minus.remove();
    count.remove();
    if (focused) button.focus({ preventScroll: true });
  }

  /* One less of it, by the form of Oscar's basket page with this one line. */
  function less(form) {
    const line = lineOf(productOf(form));
    return [basket, {
      csrfmiddlewaretoken: new FormData(form).get("csrfmiddlewaretoken"),
      "form-TOTAL_FORMS": 1, "form-INITIAL_FORMS": 1, "form-MIN_NUM_FORMS": 0, "form-MAX_NUM_FORMS": 1000,
      "form-0-id": line.id, "form-0-quantity": line.quantity - 1,
    }];
  }

  /* In the live region, which is visible for a while, on the half of the screen where the button is not. */
  function tell(text, form) {
    clearTimeout(hiding);
    announce(text);
    announcement.className = "personalization-announcement personalization-announcement--shown";
    const low = form.getBoundingClientRect().top > innerHeight / 2;
    announcement.classList.toggle("personalization-announcement--above", low);
    hiding = setTimeout(() => (announcement.className = "personalization-announcement"), SHOWN);
  }

  function refuse(text, form) {
    announcement.className = "personalization-announcement";
    announce(text);
    note(form, text);
  }

  function announce(text) {
    announcement.textContent = "";
    setTimeout(() => (announcement.textContent = text)); // said again where it is the same
  }

  /* A refusal beside the button; it lies over the card, so nothing moves. */
  function note(form, text) {
    form?.querySelector(".personalization-refusal")?.remove();
    if (!text) return;
    const refusal = document.createElement("p");
    refusal.className = "personalization-refusal";
    refusal.textContent = text;
    form.append(refusal);
  }

  const dropNotes = (except) => document.querySelectorAll(".personalization-refusal").forEach((refusal) => {
    if (!refusal.parentElement.contains(except)) refusal.remove();
  });

  document.addEventListener("click", ({ target }) => {
    const button = target.closest?.("[data-loading-text]");
    if (productOf(button?.form) !== undefined) delete button.dataset.loadingText; // else Oscar's script locks it
    dropNotes(target);
  }, true);

  document.addEventListener("keydown", ({ key }) => key === "Escape" && dropNotes(null));

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.dataset.plain || productOf(form) === undefined) return;
    event.preventDefault();
    change(form, () => [form.action, { ...Object.fromEntries(new FormData(form)), next: state }]);
  });

  addEventListener("pageshow", async ({ persisted }) => { // back from the browser's cache, as it was left
    if (!persisted || !steppers.size) return;
    const now = await (await fetch(state, { headers: { Accept: "application/json" } })).json();
    lines = now.lines;
    update(now);
  });
})();
