/* Uses the client as a program does, and prints what came of it: node client_behaviour.mjs CLIENT ADDRESS PRODUCT */
const [, , client, address, product] = process.argv;
const { Personalization, Problem } = await import(client);

const sent = [];
const base = `${address}/personalization/api/v1`;
const settings = {
  language: "de",
  csrfToken: "x".repeat(32),
  fetch: (url, options) => {
    sent.push({ url: url.replace(address, ""), ...options });
    return fetch(url, options);
  },
};
const shop = new Personalization(base, settings);

async function failure(asked) {
  const error = await asked.then(() => undefined, (error) => error);
  if (!(error instanceof Problem)) return { name: error.name };
  const { name, message, status, code, detail, errors } = error;
  return { error: error instanceof Error, name, message, status, code, detail, errors };
}

const told = {
  rows: (await shop.surface("home", { limit: 2, include: ["product", "product"], query: undefined })).rows,
  csrf: (await shop.rank({ products: [Number(product)] })).products,
};
told.invalid = await failure(shop.surface("home", { limit: 99 }));
told.missing = await failure(shop.surface("product", { product: 999_999 }));
told.slash = await failure(shop.surface("home/../../me"));
told.page = await failure(new Personalization(`${address}/nothing/`).health());
told.html = await failure(new Personalization(`${address}/?`).health());
told.aborted = await failure(shop.navigation({ signal: AbortSignal.abort() }));
told.unreachable = await failure(new Personalization("http://127.0.0.1:1/").navigation());
told.unknown = await failure(new Personalization(base, { key: "unknown" }).navigation());

shop.token = (await shop.createVisitor({ consent: "granted" })).token;
told.consent = (await shop.preferences()).consent.code;
told.nothing = [await shop.dismiss(product), await shop.restore(product)].map((one) => one === undefined);
const event = { id: crypto.randomUUID(), name: "view_item", params: { items: [{ item_id: product }] } };
told.receipt = await shop.report({ events: [event] });
told.sent = sent.map(({ url, method, headers, keepalive }) => ({ url, method, headers, keepalive }));
console.log(JSON.stringify(told));
