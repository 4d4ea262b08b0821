"""The stock records of many products at once, as `prefetch_related` reads them, in a part of the time and the memory:
it builds a query for each product, which takes longer than reading the record, and nobody asks it anything."""

from collections.abc import Collection
from typing import Any

from oscar.core.loading import get_model

StockRecord = get_model("partner", "StockRecord")
RecordQuerySet: Any = type(StockRecord._default_manager.get_queryset())
NOT_BUILT: Any = object()
"""Instead of a query."""


class KnownRecords(RecordQuerySet):  # type: ignore[misc]  # the shop's own
    """The records of a product, which were read. Who wants others of this product (`filter`, `first`) has a query built
    then, as of any related records."""

    _product: Any = None
    _query: Any

    @classmethod
    def of_product(cls, product: Any, records: list[Any]) -> "KnownRecords":
        """These records; their `product` is this one."""
        known = cls(model=StockRecord, query=NOT_BUILT, using=product._state.db)
        known._product, known._result_cache, known._prefetch_done = product, records, True
        for record in records:
            record._state.fields_cache["product"] = product
        return known

    @property
    def query(self) -> Any:
        if self._query is NOT_BUILT:
            self._query = StockRecord._default_manager.using(self._db).filter(product=self._product).query
        return super().query

    @query.setter
    def query(self, value: Any) -> None:
        RecordQuerySet.query.fset(self, value)


def attach_stock(products: Collection[Any]) -> None:
    """Reads the stock records of these products, in one query, into Django's private caches of what was read. Products
    of one class share it."""
    records: dict[int, list[Any]] = {product.pk: [] for product in products}
    for record in StockRecord.objects.filter(product__in=list(records)):
        records[record.product_id].append(record)
    classes: dict[int, Any] = {}
    for product in products:
        product._prefetched_objects_cache = {"stockrecords": KnownRecords.of_product(product, records[product.pk])}
        if (own := product._state.fields_cache.get("product_class")) is not None:
            product._state.fields_cache["product_class"] = classes.setdefault(own.pk, own)
