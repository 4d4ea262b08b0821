"""Blocks that others do, too: what travels is numbers, texts and names, and what is learned is the same."""

import hashlib
import io
import json
import threading
import time
from dataclasses import replace

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from personalization.management.training_report import shared_work_sentence
from personalization.models import Snapshot
from personalization.plugins import registered_recommenders
from personalization.recommenders import BlockRecommender, LearningLimits
from personalization.recommenders.bought_together import BoughtTogether
from personalization.testing import views_and_texts
from personalization.train.engines import celery_blocks, plan_files
from personalization.train.engines.local import MAX_AGE_SECONDS, plan_fingerprint
from personalization.train.engines.plan_files import UnusablePlan, read_plan, write_plan
from personalization.train.engines.shared_blocks import BlockOffer, OfferTaker, PlanFolder, SharedBlockStore
from tests.shops.factories import even_and_odd
from tests.train.storages import NoDiskOfOurs

LIMITS = LearningLimits(neighbours_per_product=8)
IN_BLOCKS = [each for each in registered_recommenders().values() if isinstance(each, BlockRecommender)]
MARK = "0a1b2c"


class StorageAway(Exception):
    """Storages raise exceptions of their own."""


def small(recommender):
    """One of the same kind with many blocks."""
    return type(recommender)(7)


def same(one, other):
    return np.array_equal(one.index, other.index) and np.array_equal(one.weight, other.weight)


@pytest.fixture
def home(tmp_path):
    return NoDiskOfOurs(tmp_path / "shared")


def nobody(offers):
    list(offers)


def fit(home, send_offers=nobody, recommender=None, history=None):
    store = SharedBlockStore(home, MARK, send_offers)
    return store.fit(recommender or BoughtTogether(7), history or views_and_texts(), LIMITS), store


def offered_blocks(home):
    """The offers of a run that stored its plan, and was killed before it did anything."""
    plan = BoughtTogether(7).plan(views_and_texts(), LIMITS)
    folder = f"{MARK}/bought_together.{plan_fingerprint(plan)}"
    stored = PlanFolder(home, folder).store_plan(plan)
    return [BlockOffer(folder, stored, block.start, block.stop) for block in plan.blocks]


def stored_files(home):
    return {
        f"{folder}/{file}"
        for folder in home.listdir(f"blocks/{MARK}")[0]
        for file in home.listdir(f"blocks/{MARK}/{folder}")[1]
    }


def all_done_by_a_worker(home):
    """Sends offers to a worker that has done them all before the training process goes on."""
    done = threading.Event()
    taker = OfferTaker()

    def send(offers):
        for offer in offers:
            taker.do_block(BlockOffer(**json.loads(json.dumps(offer.as_message()))), home)
        done.set()

    return send, done


@pytest.mark.parametrize("recommender", IN_BLOCKS, ids=lambda recommender: recommender.name)
def test_a_plan_from_a_file_is_the_plan_to_the_last_bit(recommender):
    plan, file = small(recommender).plan(views_and_texts(), LIMITS), io.BytesIO()
    write_plan(file, plan)
    file.seek(0)
    restored = read_plan(file, recommender, plan_fingerprint(plan))
    assert (restored.function, restored.blocks, restored.products) == (plan.function, plan.blocks, plan.products)
    assert plan_fingerprint(restored) == plan_fingerprint(plan)
    for block in plan.blocks:
        for name, column in vars(plan.links(block)).items():
            again = vars(restored.links(block))[name]
            assert np.array_equal(again, column) and again.dtype == column.dtype


@pytest.mark.parametrize("recommender", IN_BLOCKS, ids=lambda recommender: recommender.name)
def test_what_workers_did_changes_nothing_in_what_is_learned(recommender, home, monkeypatch):
    send, done = all_done_by_a_worker(home)
    cut, first = small(recommender), []
    function = cut.plan(views_and_texts(), LIMITS).function

    def work(block, *arguments):  # the training process is slow: the worker does the rest before it ends its first
        if threading.current_thread() is threading.main_thread() and not first:
            first.append(block)
            assert done.wait(30)
        return function(block, *arguments)

    work.__module__ = function.__module__
    plan = replace(cut.plan(views_and_texts(), LIMITS), function=work)
    monkeypatch.setattr(cut, "plan", lambda *_: plan)
    learned, store = fit(home, send, cut)
    assert same(learned, recommender.fit(views_and_texts(), LIMITS))
    assert store.shared_work() == {"own": 1, "others": len(plan.blocks) - 1, "earlier": 0}


def test_without_any_worker_the_training_process_does_it_all_and_says_so(home, caplog):
    learned, store = fit(home)
    assert same(learned, BoughtTogether().fit(views_and_texts(), LIMITS))
    assert store.shared_work() == {"own": store.own_blocks, "others": 0, "earlier": 0}
    assert f"No worker did a block of this run; the training process did all {store.own_blocks} itself" in caplog.text


def test_a_restarted_run_goes_on_with_what_was_finished(home):
    whole, first = fit(home)
    again, second = fit(home)
    assert same(whole, again)
    assert second.shared_work() == {"own": 0, "others": 0, "earlier": first.own_blocks}


def test_a_file_that_is_not_whole_counts_for_nothing_and_is_in_nobodys_way(home, tmp_path):
    whole, first = fit(home)
    path = min((tmp_path / "shared").glob(f"blocks/{MARK}/*/0-*.npz"))
    path.write_bytes(path.read_bytes()[:-9])
    again, second = fit(home)
    assert same(whole, again)
    assert second.shared_work() == {"own": 1, "others": 0, "earlier": first.own_blocks - 1}


def test_no_file_is_a_pickle_and_no_message_names_code(home):
    offers = offered_blocks(home)
    assert OfferTaker().do_block(offers[0], home)
    assert {tuple(offer.as_message()) for offer in offers} == {("folder", "plan", "start", "stop")}
    for file in stored_files(home):
        with home.open(f"blocks/{MARK}/{file}") as stored, np.load(stored, allow_pickle=False) as table:
            assert not any(table[name].dtype.hasobject for name in table)
            if "/plan-" in file:
                assert b"personalization" not in bytes(table["plan"])


@pytest.mark.parametrize(
    "message",
    [
        {"folder": "../../etc"},
        {"folder": "0a1b2c/os.system"},
        {"folder": f"{MARK}/bought_together.{'0' * 32}/../x"},
        {"plan": "../manifest.json"},
        {"start": "0"},
        {"start": -1},
        {"start": 9, "stop": 9},
    ],
)
def test_a_message_with_anything_else_in_it_is_refused(message):
    good = {"folder": f"{MARK}/bought_together.{'0' * 32}", "plan": f"plan-1700000000-{'0' * 64}.npz"}
    assert BlockOffer(**{**good, "start": 0, "stop": 9})
    with pytest.raises(ValueError, match=r"can be called|no block"):
        BlockOffer(**{**good, "start": 0, "stop": 9, **message})


def test_a_worker_with_other_code_leaves_the_block_to_the_training_process(home, monkeypatch, caplog):
    monkeypatch.setattr(celery_blocks, "snapshot_storage", lambda: home)
    monkeypatch.setattr(celery_blocks, "_taker", OfferTaker())
    offers = offered_blocks(home)
    monkeypatch.setattr(plan_files, "plan_fingerprint", lambda plan: "other")
    for offer in offers[:2]:
        celery_blocks.train_block.apply(kwargs=offer.as_message(), throw=True)
    assert caplog.text.count("made by other code") == 2
    assert all("/plan-" in file for file in stored_files(home))


def test_a_plan_that_was_tampered_with_is_not_used(home, tmp_path):
    offers = offered_blocks(home)
    path = next((tmp_path / "shared").glob(f"blocks/{MARK}/*/plan-*"))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(UnusablePlan, match="not what was written"):
        PlanFolder(home, offers[0].folder).load_plan(offers[0].plan)


def test_the_arguments_of_another_recommender_are_not_taken():
    plan, file = BoughtTogether(7).plan(views_and_texts(), LIMITS), io.BytesIO()
    write_plan(file, plan)
    file.seek(0)
    with pytest.raises(UnusablePlan):
        read_plan(file, registered_recommenders()["complements"], plan_fingerprint(plan))


def test_arguments_that_no_file_can_hold_are_done_by_the_training_process(home, caplog):
    recommender = BoughtTogether(7)
    plan = recommender.plan(views_and_texts(), LIMITS)
    store, whole = SharedBlockStore(home, MARK, nobody), recommender.fit(views_and_texts(), LIMITS)
    odd = replace(plan, args=(*plan.args[:-1], replace(LIMITS, min_customers=np.int64(5))))
    assert same(plan.assemble(store.finish_blocks(odd, f"bought_together.{'0' * 32}")), whole)
    assert "cannot be stored: int64" in caplog.text


@pytest.mark.parametrize("method", ["_open", "_save", "listdir", "delete"])
def test_a_storage_that_fails_hinders_no_training(method, home, monkeypatch):
    def fails(*arguments, **named):
        raise StorageAway

    whole, _ = fit(home)  # and leaves finished blocks behind
    monkeypatch.setattr(home, method, fails)
    learned, store = fit(home)
    assert same(learned, whole)
    store.remove_outdated()
    store.remove()


def test_an_offer_that_comes_too_late_is_no_work(home):
    offers = offered_blocks(home)
    assert OfferTaker().do_block(offers[0], home)
    assert not OfferTaker().do_block(offers[0], home)  # done by now
    SharedBlockStore(home, MARK, nobody).remove()
    assert not OfferTaker().do_block(offers[0], home)  # and gone
    assert home.listdir(f"blocks/{MARK}")[0] == []


def test_what_was_left_behind_yesterday_is_removed_and_what_is_new_stays(home, monkeypatch):
    yesterday = time.time() - MAX_AGE_SECONDS - 1
    with monkeypatch.context() as patch:
        patch.setattr(time, "time", lambda: yesterday)
        fit(home)
    old = stored_files(home)
    _, store = fit(home, recommender=small(registered_recommenders()["viewed_together"]))
    new = stored_files(home) - old
    store.remove_outdated()
    assert old and new and stored_files(home) == new


def test_the_sha256_of_a_plan_is_in_its_name(home):
    offered_blocks(home)
    (file,) = (file for file in stored_files(home) if "/plan-" in file)
    with home.open(f"blocks/{MARK}/{file}") as stored:
        assert hashlib.sha256(stored.read()).hexdigest() in file


@pytest.mark.django_db
def test_the_command_says_who_took_part(settings, capsys):
    even_and_odd()
    ours = {**settings.PERSONALIZATION, "TRAINING_ENGINE": "celery", "CELERY_APP": "example_shop.celery.app"}
    settings.PERSONALIZATION = ours  # a broker in memory, without a worker
    call_command("personalization_train")
    own = Snapshot.objects.active().get().metrics["blocks"]["own"]
    assert f"No worker took part: the training process did all {own} blocks itself." in capsys.readouterr().out
    call_command("personalization_train", "--engine", "local", "--refit-ranker")
    assert Snapshot.objects.active().get().metrics["blocks"] == {}
    assert "took part" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("blocks", "sentence"),
    [
        ({"own": 3, "others": 1_200, "earlier": 0}, "Workers did 1,200 blocks, the training process 3."),
        ({"spark": 5}, "Spark counted for 5 fits of recommenders."),
    ],
)
def test_who_took_part_is_one_sentence(blocks, sentence):
    assert shared_work_sentence(blocks) == sentence


def test_spark_without_a_history_is_refused():
    with pytest.raises(CommandError, match="needs --history DIR"):
        call_command("personalization_train", "--engine", "spark")
