"""The plan of a recommender as one `.npz` file, so that another process can do its blocks. Never pickle: the file holds
numbers and texts only, and what they are arguments of is told by the recommender that the shop has registered."""

import json
from dataclasses import fields, is_dataclass
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from personalization.recommenders import (
    BlockPlan,
    BlockRecommender,
    CatalogueArrays,
    HistoryArrays,
    LearningLimits,
    ViewArrays,
)
from personalization.train.engines.local import DAMAGED_FILE_ERRORS, plan_fingerprint

DESCRIPTION = "plan"
"""The entry of the file that says what its arrays are: JSON in UTF-8."""
MATRICES = {each.__name__: each for each in (sparse.csr_matrix, sparse.csc_matrix, sparse.csr_array, sparse.csc_array)}


class UnusablePlan(Exception):
    """The file does not hold the plan that it is to hold, for the recommenders as they are here."""


def write_plan(file: IO[bytes], plan: BlockPlan) -> None:
    """Writes the arguments of a plan; TypeError where they are none that a plan may have."""
    arrays: dict[str, NDArray[Any]] = {}
    description = {
        "args": [_describe_argument(value, arrays) for value in plan.args],
        "blocks": [[block.start, block.stop] for block in plan.blocks],
        "products": plan.products,
        "neighbours": plan.neighbours,
    }
    text = json.dumps(description).encode()
    arrays[DESCRIPTION] = np.frombuffer(text, np.uint8)
    np.savez(file, **arrays)  # type: ignore[arg-type]  # mypy fears for allow_pickle


def read_plan(file: IO[bytes], recommender: BlockRecommender, fingerprint: str) -> BlockPlan:
    """The plan in this file, whole and for the very code, numpy and scipy that this process has.

    A plan of the recommender for a shop without history says which function works on what kinds of arguments, so that
    nothing in the file names code.

    Raises
    ------
    UnusablePlan : it is another one, or damaged.
    """
    blank = recommender.plan(_blank_history(), LearningLimits())
    try:
        with np.load(file, allow_pickle=False) as table:
            described = json.loads(bytes(table[DESCRIPTION]))
            args = [
                _restore_argument(entry, kind, table) for entry, kind in zip(described["args"], blank.args, strict=True)
            ]
        plan = BlockPlan(
            function=blank.function,
            args=tuple(args),
            blocks=[range(*ends) for ends in described["blocks"]],
            products=described["products"],
            neighbours=described["neighbours"],
        )
    except (*DAMAGED_FILE_ERRORS, TypeError) as error:
        raise UnusablePlan(f"the arguments cannot be read: {error!r}") from error
    if plan_fingerprint(plan) != fingerprint:
        raise UnusablePlan("it was made by other code, or with other versions of numpy or scipy")
    return plan


def _blank_history() -> HistoryArrays:
    none = np.empty(0, np.int32)
    return HistoryArrays(
        customer=none,
        order=none,
        product=none,
        ordered_at=np.empty(0),
        products=0,
        now=0.0,
        catalogue=CatalogueArrays.empty(0),
        views=ViewArrays.empty(),
        country=none,
        countries=(),
    )


def _describe_argument(value: Any, arrays: dict[str, NDArray[Any]]) -> dict[str, Any]:
    """What this argument is; its numbers are added to the arrays."""
    if is_dataclass(value):
        return {
            "fields": {field.name: _describe_argument(getattr(value, field.name), arrays) for field in fields(value)}
        }
    if sparse.issparse(value):
        if type(value).__name__ not in MATRICES:
            raise TypeError(f"a plan cannot be stored with a {type(value).__name__}; one of {', '.join(MATRICES)} can")
        parts = [_add_array(part, arrays) for part in (value.data, value.indices, value.indptr)]
        return {"matrix": type(value).__name__, "shape": list(value.shape), "parts": parts}
    if isinstance(value, np.ndarray):
        return {"array": _add_array(value, arrays)}
    if type(value) is tuple:
        return {"tuple": [_describe_argument(each, arrays) for each in value]}
    if type(value) in (int, float, str, bool):
        return {"value": value}
    raise TypeError(f"the arguments of a plan cannot be stored: {type(value).__name__}")


def _add_array(array: NDArray[Any], arrays: dict[str, NDArray[Any]]) -> str:
    if array.dtype.hasobject:
        raise TypeError("the arguments of a plan cannot be stored: an array of objects")
    name = f"a{len(arrays)}"
    arrays[name] = array
    return name


def _restore_argument(entry: dict[str, Any], kind: Any, table: Any) -> Any:
    """The argument that was described so; `kind` is what stands in its place in the plan of an empty shop."""
    match entry:
        case {"fields": described} if is_dataclass(kind):
            names = [field.name for field in fields(kind)]
            parts = {name: _restore_argument(described[name], getattr(kind, name), table) for name in names}
            made: Any = type(kind)
            return made(**parts)
        case {"matrix": name, "shape": shape, "parts": parts} if type(kind).__name__ == name:
            return _restore_matrix(name, tuple(shape), *(table[part] for part in parts))
        case {"array": name} if isinstance(kind, np.ndarray):
            return table[name]
        case {"tuple": entries} if isinstance(kind, tuple):
            return tuple(_restore_argument(each, _kind_at(kind, row), table) for row, each in enumerate(entries))
        case {"value": value} if not is_dataclass(kind):
            return value
    raise ValueError(f"{sorted(entry)} stands where a {type(kind).__name__} is expected")


def _kind_at(kind: tuple[Any, ...], row: int) -> Any:
    return kind[row] if row < len(kind) else None


def _restore_matrix(
    name: str, shape: tuple[int, ...], data: NDArray[Any], indices: NDArray[Any], indptr: NDArray[Any]
) -> Any:
    matrix = MATRICES[name]((data, indices, indptr), shape=shape)
    matrix.indices, matrix.indptr = indices, indptr  # of the very dtype: scipy may have chosen another
    return matrix
