from django.apps import AppConfig

from personalization import plugins


class OutsideConfig(AppConfig):
    name = "tests.plugins.outside"
    label = "outside"

    def ready(self) -> None:
        plugins.register(
            recommender="tests.plugins.outside.recommenders.large_orders",
            surface="tests.plugins.outside.surfaces.account",
            row_type="tests.plugins.outside.rows.from_large_orders",
        )
