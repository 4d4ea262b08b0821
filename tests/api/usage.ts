/* How a storefront uses the client, for the type checker only: see .ci/check. Every @ts-expect-error is a line that the
   types have to refuse. */
import { Personalization, Problem } from "../../personalization/static/personalization/client.js";
import type {
  DataAnswer, ItemAnswer, PriceAnswer, RowAnswer, SlateAnswer,
} from "../../personalization/static/personalization/client.js";

const shop = new Personalization();
const app = new Personalization("https://shop.example/personalization/api/v1/", { token: "1:abc", language: "de" });
new Personalization("https://shop.example/api/v1", { key: "secret", customer: 42, fetch: (...given) => fetch(...given) });

export async function rows(signal: AbortSignal): Promise<RowAnswer[]> {
  const home: SlateAnswer = await shop.surface("home", { limit: 4, include: ["product"] }, { signal });
  const { slates } = await shop.recommend({ requests: [{ surface: "product", product: 1 }, { surface: "basket" }] });
  return [home, ...slates].flatMap((slate) => slate.rows);
}

export function price({ product }: ItemAnswer): string {
  const told: PriceAnswer | null | undefined = product?.price;
  return told ? `${told.amount} ${told.currency}` : "";
}

export async function mint(): Promise<void> {
  app.token = (await app.createVisitor({ consent: "granted" })).token;
  const { consent, interests } = await app.changePreferences({ interests: [{ category: 7, sign: 1 }] });
  const gone: void = await app.dismiss(1);
  const back: void = await app.restore(1);
  console.log(consent.code === "on", interests.length, gone, back, await app.eraseData());
}

export async function events(cursor?: string): Promise<Record<string, unknown>[]> {
  const { tables, next }: DataAnswer = await app.exportData(cursor === undefined ? {} : { cursor });
  const more = next === null ? null : new URL(next).searchParams.get("cursor");
  return [...(tables["event"] ?? []), ...(more === null ? [] : await events(more))];
}

export async function report(row: RowAnswer): Promise<number> {
  const params = { slate: row.token, items: row.items.map((item) => ({ item_id: String(item.id), index: item.position })) };
  return (await shop.report({ events: [{ id: crypto.randomUUID(), name: "view_item_list", params }] })).accepted;
}

export function why(error: unknown): string {
  if (!(error instanceof Problem)) throw error;
  const fields: string[] | undefined = error.errors?.map(({ field, detail }) => `${field}: ${detail}`);
  return `${error.status} ${error.code} ${error.detail} ${error.message} ${fields?.join()}`;
}

export async function others(): Promise<(number | null)[]> {
  const { shortcuts, menu } = await shop.navigation();
  const stopped = await shop.stoppedAt({ limit: 3 });
  const { ready } = await shop.health();
  const { known } = await shop.explain({ surface: "search", query: "milk" });
  console.log(shortcuts[0]?.reason.text, menu[0]?.url, stopped.rows[0]?.links[0]?.facts, ready, known.wishes);
  return (await shop.rank({ products: [3, 1, 2], scores: true })).scores ?? [];
}

export async function refused(): Promise<void> {
  // @ts-expect-error there is no such surface
  await shop.surface("homepage");
  // @ts-expect-error the surface is missing
  await shop.surface();
  // @ts-expect-error a product's key is a number
  await shop.surface("product", { product: "1" });
  // @ts-expect-error there is no such parameter
  await shop.surface("home", { size: 4 });
  // @ts-expect-error nothing else can be included
  await shop.surface("home", { include: ["price"] });
  // @ts-expect-error each request names its surface
  await shop.recommend({ requests: [{ product: 1 }] });
  // @ts-expect-error the products are missing
  await shop.rank({ query: "milk" });
  // @ts-expect-error a purchase cannot be reported
  await shop.report({ events: [{ id: "", name: "purchase" }] });
  // @ts-expect-error an event has an id
  await shop.report({ events: [{ name: "search" }] });
  // @ts-expect-error 2 is no sign
  await shop.changePreferences({ interests: [{ category: 7, sign: 2 }] });
  // @ts-expect-error nobody is minted who did not agree
  await shop.createVisitor({ consent: "refused" });
  // @ts-expect-error nothing comes back
  (await shop.dismiss(1)).ok;
  // @ts-expect-error a card is there only where it was asked for
  (await shop.surface("home")).rows[0]!.items[0]!.product.title;
  // @ts-expect-error there is no such setting
  new Personalization("/", { cookie: "" });
}
