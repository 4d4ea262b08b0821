"""Which of the shop's own words for an order's status mean that nothing was bought: set by the shop, or else guessed.

Oscar has no statuses of its own: a shop names them, in its language, in OSCAR_ORDER_STATUS_PIPELINE. Some end an order
without a purchase (cancelled, refunded, payment failed), and only the shop knows all of them.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from django.utils.text import slugify
from oscar.core.loading import get_model

from personalization import conf

Order = get_model("order", "Order")
Line = get_model("order", "Line")

UNBOUGHT_STEMS = """
abandon abort cancel chargeback declin denied expir fail fraud invalid refund reject return void
abgebroch abgelauf abgelehnt annul erstattet fehlgeschlag gescheitert geloscht gutgeschrieben retour ruckabwick
ruckerstatt ruckgabe storn gestornt ungultig verfallen widerruf zuruckge
echou echec refus rejet rembours
anulad anulac caducad denegad devolv devuelt fallid reembols rechaz estornad falh recusad rejeitad
fallit respint restituit rifiutat rimbors scadut reso
geannul geretour geweiger mislukt terugbetaal verlopen afgewezen
anulow nieudan nieoplacon odrzuc wygas zwroc zwrot
neuspes odmitnut stornov vracen vraten zamitnut zrus otkaz ponist preklic odbij
afbestil afvist annuler avbestill avbrut avbrudt avslat avvis kanseller makuler mislyk misslyck aterbetal
tilbagebet tilbakebet hylatty epaonnist palautett peruttu peruutett
elutasit lemond sikertelen sztorn torol visszakuld visszater
anulat esuat rambursat respins returnat
basarisiz iade iptal reddedil batal huy hoan
аннулир анулир возвра вернут неудач отклон отмен отказ просроч скасов поверн відмін відхил върнат
ακυρ απορριφ αποτυχ επιστραφ επιστροφ
"""
"""A status with a word that begins like this means, most likely, that nothing was bought. Without accents and case."""
UNBOUGHT_PARTS = """
取消 退款 退货 退貨 失败 失敗 作废 作廢 キャンセル 返品 返金
취소 환불 반품 실패 ملغ الغاء مسترجع בוטל הוחזר रद्द ยกเลิก คืนเงิน
"""
"""The same for languages whose words are not set apart by spaces."""
UNDECIDED_STEMS = "partial partiel partly teil parcial parzial pending request angefragt beantragt"
"""With such a word beside it nothing is decided yet, or only for a part: "Refund requested", "Partially refunded"."""
COMMON_STATUSES = """
cancelled|canceled|canceled by customer|cancelled by customer|order cancelled|refunded|returned|void|voided|declined|
rejected|failed|payment failed|payment declined|expired|abandoned|storniert|storno|abgebrochen|abgelehnt|erstattet|
rückerstattet|retourniert|zurückgegeben|zurückgesendet|widerrufen|zahlung fehlgeschlagen|fehlgeschlagen|annulliert|
annulé|annulée|remboursé|remboursée|retourné|retournée|refusé|refusée|paiement refusé|échoué|échouée|expirée|cancelado|
cancelada|anulado|anulada|reembolsado|reembolsada|devuelto|devuelta|rechazado|rechazada|pago fallido|fallido|devolvido|
devolvida|recusado|recusada|estornado|falhou|annullato|annullata|cancellato|cancellata|rimborsato|rimborsata|reso|
restituito|rifiutato|rifiutata|pagamento fallito|geannuleerd|terugbetaald|geretourneerd|geweigerd|mislukt|anulowane|
anulowano|anulowany|zwrócone|zwrot|odrzucone|nieudane|zrušeno|zrušena|zrušená|stornováno|vráceno|annulleret|annullert|
kansellert|refunderet|refundert|returneret|returnert|annullerad|avbruten|återbetald|returnerad|makulerad|peruttu|
peruutettu|palautettu|törölve|lemondva|visszatérítve|sztornó|anulat|anulată|rambursat|returnat|iptal|iptal edildi|
iade|iade edildi|отменён|отменен|отменено|отменён покупателем|отказ|возврат|возвращён|возвращено|скасовано|повернено|
отказана|анулирана|ακυρώθηκε|ακυρωμένη|επιστράφηκε|取消|已取消|已退款|キャンセル|キャンセル済み|返品|취소|취소됨|환불
"""
"""The words of shops that change statuses without a pipeline, where there is no list of theirs to look through."""
BOUGHT_STEMS = """
accept collected complet confirm deliv despatch dispatch done finish fulfil invoiced ordered paid picked process
received sent shipped sold
abgeholt abgeschloss ausgeliefert beendet bestatigt bezahlt erledigt geliefert verschickt versandt versendet zugestellt
envoye expedi livr paye termine traite
concluid enviad entreg finaliz pagad pago
conclus consegn evas pagat spedit ritirat
afgehaald afgerond betaald bezorg geleverd verwerkt verzonden voltooid
dostarcz oplacon realizow wyslan zakoncz zrealiz
doruc dokonc odeslan vyrizen zaplac isporuc plac zavrs
afslutt avslut betalt betald fullfor fuldfor levere skick sendt klar maksettu toimitett valmis
kiszallit teljesit fizet
finalizat livrat platit tamamland teslim gonderil selesai
выдан выполн доставл завершен оплачен отгруж отправл получен виконан сплач изпрат изпълн
ολοκληρ παραδο πληρω αποσταλ
"""
"""A status with a word that begins like this ends an order that was bought; only `check` asks."""
NEGATIONS = ("no", "not", "nicht", "non", "pas", "niet", "ikke", "inte", "nie", "ne", "не", "δεν")
"""With such a word beside it, it does not."""
BOUGHT_PARTS = "完成 发货 發貨 已付 送达 完了 発送 出荷 완료 배송 مكتمل הושלם पूर्ण สำเร็จ"

PLAIN_LETTERS = str.maketrans({"_": " ", "ł": "l", "ø": "o", "đ": "d", "\N{LATIN SMALL LETTER DOTLESS I}": "i"})
"""What normalising leaves as it is."""


def unbought_statuses() -> frozenset[str]:
    """All spellings, lower case, of the statuses with which an order, a line or a shipping event is no purchase.

    They are those of the setting UNBOUGHT_ORDER_STATUSES; without it, all of the pipelines that look like it, and
    common ones of many languages.
    """
    configured = conf.get_settings().UNBOUGHT_ORDER_STATUSES
    return _spellings(tuple(configured) if configured is not None else None, tuple(pipeline_statuses()))


def is_unbought(status: str) -> bool:
    """Whether an order with this status is no purchase."""
    return bool(_database_spellings(status) & unbought_statuses())


def undecided_statuses() -> list[str]:
    """The statuses that end an order or a line, and of which nothing says whether that is a purchase: they count as
    one."""
    settings = conf.get_settings()
    bought = settings.BOUGHT_ORDER_STATUSES
    stated = {_plain_words(status) for status in bought or ()}
    return [
        status
        for status in _final_statuses()
        if not is_unbought(status)
        and _plain_words(status) not in stated
        and (bought is not None or not _looks_bought(status))
    ]


def pipeline_statuses() -> list[str]:
    """All statuses that the shop's pipelines of orders and of lines name, in their order."""
    return list(dict.fromkeys(status for pipeline in _pipelines() for status in _statuses_of(pipeline)))


def _final_statuses() -> list[str]:
    found = (status for pipeline in _pipelines() for status in _statuses_of(pipeline) if not pipeline.get(status))
    return list(dict.fromkeys(found))


def _pipelines() -> list[Mapping[str, Any]]:
    """A shop's own model may name its pipeline itself, so that the setting is not asked."""
    return [getattr(model, "pipeline", None) or {} for model in (Order, Line)]


def _statuses_of(pipeline: Mapping[str, Any]) -> Iterable[str]:
    for status, successors in pipeline.items():
        yield str(status)
        yield from map(str, successors or ())


@lru_cache(16)
def _spellings(configured: tuple[str, ...] | None, in_pipelines: tuple[str, ...]) -> frozenset[str]:
    if configured is not None:
        statuses = list(configured)
    else:
        statuses = [
            *COMMON_STATUSES.replace("\n", "").split("|"),
            *(status for status in in_pipelines if _looks_unbought(status)),
        ]
    return frozenset(spelling for status in statuses if status for spelling in _database_spellings(status))


def _database_spellings(status: str) -> frozenset[str]:
    """What a database makes of the status with LOWER, as it stands in an order, and in Oscar's code of a shipping
    event. SQLite lowers the letters of ASCII only, so that the case of the others is kept."""
    cases = (status, status.lower(), status.upper(), status.capitalize(), status.title())
    codes = (slugify(status), slugify(status, allow_unicode=True), slugify(status).replace("-", "_"))
    lowered = {case.lower() for case in cases} | {_lower_ascii(case) for case in cases}
    return frozenset(lowered | {code for code in codes if code})


def _lower_ascii(text: str) -> str:
    return "".join(letter.lower() if letter.isascii() else letter for letter in text)


def _plain_words(status: str) -> str:
    """The words without case, accents and punctuation."""
    folded = unicodedata.normalize("NFKD", status.casefold())
    letters = "".join(letter for letter in folded if not unicodedata.combining(letter))
    return " ".join(re.findall(r"\w+", letters.translate(PLAIN_LETTERS)))


def _looks_unbought(status: str) -> bool:
    words = _plain_words(status).split()
    if _any_begins(words, UNDECIDED_STEMS):
        return False
    return _any_begins(words, UNBOUGHT_STEMS) or _has_any_part(status, UNBOUGHT_PARTS)


def _looks_bought(status: str) -> bool:
    words = _plain_words(status).split()
    if not set(NEGATIONS).isdisjoint(words):
        return False
    return _any_begins(words, BOUGHT_STEMS) or _has_any_part(status, BOUGHT_PARTS)


def _any_begins(words: Iterable[str], stems: str) -> bool:
    beginnings = tuple(stems.split())
    return any(word.startswith(beginnings) for word in words)


def _has_any_part(status: str, parts: str) -> bool:
    return any(part in status for part in parts.split())
