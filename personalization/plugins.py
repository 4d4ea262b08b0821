"""What shops may add from any installed app: recommenders, surfaces, row types and kinds of messages.

By a setting, `PERSONALIZATION = {"SURFACES": ["shop.sale.surface"]}`, or by `register(surface=...)` in an app's
`ready()`. Each folder of plug-ins has a `Registry`, which lists its own files first, then the setting's, then the
registered ones.
"""

import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, Generic, TypeVar

from personalization import conf, recommenders
from personalization.recommenders import Recommender

logger = logging.getLogger("personalization")

PluginT = TypeVar("PluginT")

SETTINGS = {
    "recommender": "RECOMMENDERS",
    "surface": "SURFACES",
    "row_type": "ROW_TYPES",
    "message_kind": "MESSAGE_KINDS",
}
"""The kinds of plug-ins, and the setting that adds some of each."""
NAME_PATTERN = re.compile(r"[a-z][a-z0-9_]{0,31}")
"""Names stand in events, in snapshots and in the API."""
RESERVED_NAMES = frozenset(
    [
        "basket",
        "category",
        "country",
        "device",
        "history",
        "popularity",
        "price",
        "product",
        "purchase",
        "query",
        "ranker",
        "search",
        "training",
        "trigram",
        "user_knn",
        "visitor",
    ]
)
"""The first parts of the names of arrays and features, which no recommender may have."""


class PluginError(Exception):
    """A plug-in cannot be used; the message says where it comes from, what was found and what would work."""


@dataclass(frozen=True)
class AddedPlugin:
    """A plug-in that a shop adds."""

    origin: str
    """Who adds it, for messages: a setting, or a call of `register`."""
    reference: Any
    """The plug-in, or its dotted path."""

    def load(self) -> Any:
        """The plug-in; PluginError when its dotted path leads nowhere."""
        if not isinstance(self.reference, str):
            return self.reference
        module, _, name = self.reference.rpartition(".")
        try:
            return getattr(import_module(module), name)
        except Exception as error:  # whatever a module of the shop's raises while it is imported
            raise PluginError(f"{self.origin} names {self.reference!r}, which cannot be imported: {error}.") from error


_registered: list[tuple[str, AddedPlugin]] = []


def register(*, recommender: Any = None, surface: Any = None, row_type: Any = None, message_kind: Any = None) -> None:
    """Adds plug-ins: call it in the `ready()` of any installed app.

    Parameters
    ----------
    recommender : an object with the contract of `recommenders.Recommender`. Better its dotted path: then web processes,
        which need no recommender, do not import what it learns with.
    surface : a `surfaces.Surface`, or its dotted path.
    row_type : a `rows.RowType`, or its dotted path.
    message_kind : a `lifecycle.kinds.MessageKind`, or its dotted path.
    """
    plugins = {"recommender": recommender, "surface": surface, "row_type": row_type, "message_kind": message_kind}
    for kind, plugin in plugins.items():
        added = (kind, AddedPlugin(f"plugins.register({kind}=...)", plugin))
        if plugin is not None and added not in _registered:  # an app's ready() may run twice, in tests
            _registered.append(added)


def added_plugins(kind: str) -> list[AddedPlugin]:
    """What the shop adds of this kind: first by the setting, then by `register`, each in its sequence."""
    setting = SETTINGS[kind]
    by_setting = [AddedPlugin(f'PERSONALIZATION["{setting}"]', path) for path in getattr(conf.get_settings(), setting)]
    return [*by_setting, *(added for registered, added in _registered if registered == kind)]


class Registry(Generic[PluginT]):
    """All plug-ins of one kind by name, in a fixed sequence.

    Parameters
    ----------
    kind : a key of SETTINGS.
    built_in : gives the plug-ins of our own folder by name.
    contract_error : says in a few words how an object breaks the contract; "" when it keeps it.
    name_of : the name of a plug-in that keeps the contract.
    built_in_names : gives the names of our own plug-ins, where that is cheaper than importing them.
    """

    def __init__(
        self,
        kind: str,
        built_in: Callable[[], Mapping[str, PluginT]],
        contract_error: Callable[[Any], str],
        name_of: Callable[[PluginT], str] = lambda plugin: plugin.name,  # type: ignore[attr-defined]
        built_in_names: Callable[[], Iterable[str]] | None = None,
    ) -> None:
        self.kind = kind
        self._built_in, self._contract_error, self._name_of = built_in, contract_error, name_of
        self._built_in_names = built_in_names or built_in
        self._loaded: tuple[list[AddedPlugin], dict[str, PluginT], list[str]] | None = None
        REGISTRIES[kind] = self

    def all(self) -> dict[str, PluginT]:
        """All plug-ins; PluginError when the shop adds one that cannot be used."""
        if self.errors():
            raise PluginError(" ".join(self.errors()))
        return self.usable()

    def usable(self) -> dict[str, PluginT]:
        """All plug-ins without those that cannot be used, which the log names once: for pages, which none may break."""
        return {**self._built_in(), **self._load()[0]}

    def errors(self) -> list[str]:
        """A sentence for each plug-in of the shop's that cannot be used."""
        return self._load()[1]

    def _load(self) -> tuple[dict[str, PluginT], list[str]]:
        added = added_plugins(self.kind)
        if self._loaded is None or self._loaded[0] != added:
            plugins: dict[str, PluginT] = {}
            errors: list[str] = []
            for one in added:
                try:
                    plugin = self._checked(one, {*self._built_in_names(), *plugins})
                except PluginError as error:
                    errors.append(str(error))
                    logger.error("A plug-in is left out: %s", error)
                else:
                    plugins[self._name_of(plugin)] = plugin
            self._loaded = (added, plugins, errors)
        return self._loaded[1:]

    def _checked(self, added: AddedPlugin, taken: set[str]) -> PluginT:
        plugin: PluginT = added.load()
        where = f"{added.origin} names {added.reference!r}, which" if isinstance(added.reference, str) else added.origin
        if isinstance(plugin, type):
            raise PluginError(f"{where} is a class; expected an instance of it.")
        if error := self._contract_error(plugin):
            raise PluginError(f"{where} is no {self.kind.replace('_', ' ')}: {error}.")
        if self._name_of(plugin) in taken:
            name = self._name_of(plugin)
            raise PluginError(f"{where} is called {name!r}, as another {self.kind.replace('_', ' ')} is; rename it.")
        return plugin


REGISTRIES: dict[str, Registry] = {}
"""By kind, the registries of the folders that were imported."""


def name_error(name: Any) -> str:
    """What is wrong with the name of a plug-in; "" when nothing is."""
    if isinstance(name, str) and NAME_PATTERN.fullmatch(name):
        return ""
    return f"its name is {name!r}; expected at most 32 lower-case letters, digits and underscores, a letter first"


def recommender_error(plugin: Any) -> str:
    """How an object breaks the contract of recommenders, as far as that can be seen without learning; "" when it does
    not. `personalization.testing.check_recommender` tries the rest."""
    if error := name_error(getattr(plugin, "name", None)):
        return error
    if plugin.name in RESERVED_NAMES:
        return f"its name is {plugin.name!r}, one of those that features and arrays have; call it something else"
    return "" if callable(getattr(plugin, "fit", None)) else "it has no method `fit(history, limits)`"


def folder_modules(path: Iterable[str]) -> Iterator[str]:
    """The names of the modules in a package (its `__path__`), sorted, without private ones."""
    return (module.name for module in iter_modules(path) if not module.name.startswith("_"))


def _built_in_recommenders() -> dict[str, Recommender]:
    modules = (import_module(f"{recommenders.__name__}.{name}") for name in folder_modules(recommenders.__path__))
    return {module.recommender.name: module.recommender for module in modules}


_recommenders = Registry[Recommender](
    "recommender",
    _built_in_recommenders,
    recommender_error,
    built_in_names=lambda: folder_modules(recommenders.__path__),
)


def registered_recommenders() -> dict[str, Recommender]:
    """All recommenders by name, in a fixed sequence. Imports them and scipy, so it is for training only.

    Raises
    ------
    PluginError : the shop adds one that cannot be used; training without it would silently learn less.
    """
    return _recommenders.all()
