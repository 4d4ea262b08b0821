"""The answer of `explain/`, part by part."""

from rest_framework import serializers

from personalization.decide.explanation import STEPS


class ScoringAnswer(serializers.Serializer):
    """One run of the ranker over candidates, as far as one of them is concerned."""

    task = serializers.CharField()
    rank = serializers.IntegerField(help_text="From 1, of all `candidates`.")
    candidates = serializers.IntegerField()
    score = serializers.FloatField()
    probability = serializers.FloatField(
        help_text="About how likely it is to be bought; a share of all scores before that is learned."
    )
    features = serializers.DictField(child=serializers.FloatField())


class ObjectiveMoveAnswer(serializers.Serializer):
    """What counts besides relevance did to an item."""

    row = serializers.CharField(allow_blank=True, help_text="The key of the row; empty for the list.")
    before = serializers.IntegerField(help_text="Its place among the candidates by relevance, from 1.")
    after = serializers.IntegerField()
    pulls = serializers.DictField(
        child=serializers.FloatField(), help_text="By objective, by how many percent of the list it pulled the item up."
    )


class ItemFactsAnswer(serializers.Serializer):
    """What the decision knows of an item."""

    scorings = ScoringAnswer(many=True)
    recommenders = serializers.DictField(
        child=serializers.DictField(child=serializers.FloatField()), help_text="What each of them says, without zeros."
    )
    objectives = ObjectiveMoveAnswer(many=True)


class TracedItemAnswer(ItemFactsAnswer):
    """An item on the page."""

    id = serializers.IntegerField()
    kind = serializers.CharField(help_text="`product`; on the surface `navigation` `category`.")
    position = serializers.IntegerField(help_text="From 0.")
    score = serializers.FloatField(allow_null=True, help_text="Comparable within one row or list.")
    code = serializers.CharField(allow_blank=True)
    reason = serializers.CharField(allow_blank=True)


class LeftOutAnswer(serializers.Serializer):
    """A candidate that the row does not show."""

    id = serializers.IntegerField()
    kind = serializers.CharField()
    score = serializers.FloatField()
    cause = serializers.CharField()
    facts = serializers.DictField()


class MovedItemAnswer(serializers.Serializer):
    """A product that an action moved, showed or hid."""

    id = serializers.IntegerField()
    before = serializers.IntegerField(allow_null=True, help_text="Its place before all boosts and burials, from 1.")
    after = serializers.IntegerField(allow_null=True, help_text="Its place after them.")


class ActionOutcomeAnswer(serializers.Serializer):
    """What one action of a campaign did there, or why it did nothing."""

    campaign = serializers.IntegerField()
    name = serializers.CharField(help_text="Of the campaign.")
    action = serializers.IntegerField(help_text="The number of the action within the campaign, from 0.")
    outcome = serializers.CharField()
    item = serializers.IntegerField(allow_null=True, help_text="The product, of a pin and of a slot.")
    items = MovedItemAnswer(many=True, help_text="The products, of any other action.")
    facts = serializers.DictField()


class TracedRowAnswer(serializers.Serializer):
    """A row that was proposed for the page."""

    key = serializers.CharField()
    type = serializers.CharField()
    title = serializers.CharField(allow_blank=True, help_text="Empty where the page does not show it.")
    personal = serializers.BooleanField()
    expected_share = serializers.FloatField(
        allow_null=True, help_text="Sorts the personal rows; null is above all others."
    )
    hidden_because = serializers.CharField(allow_blank=True, help_text="Empty where the page shows it.")
    items = TracedItemAnswer(many=True)
    left_out = LeftOutAnswer(many=True)
    campaigns = ActionOutcomeAnswer(many=True, help_text="What campaigns did to the row.")


class ListedItemAnswer(TracedItemAnswer):
    """An item of a list."""

    original_position = serializers.IntegerField(allow_null=True, help_text="As the search engine has it.")
    personal_position = serializers.IntegerField(allow_null=True, help_text="In the visitor's own order.")
    not_wanted = serializers.BooleanField()


class TracedListAnswer(serializers.Serializer):
    """The list of the page."""

    basis = serializers.CharField(
        allow_blank=True, help_text="`personal`, `contextual` or `popular`; empty where nothing is reranked."
    )
    strength = serializers.IntegerField(help_text="Percent of the way to the visitor's own order.")
    items = ListedItemAnswer(many=True)
    campaigns = ActionOutcomeAnswer(many=True, help_text="What campaigns did to the list.")


class RuleAnswer(serializers.Serializer):
    """What keeps items out of every row."""

    rule = serializers.CharField()
    items = serializers.ListField(child=serializers.IntegerField())


class StepAnswer(serializers.Serializer):
    """One step of a product's way to the page."""

    name = serializers.ChoiceField(choices=STEPS)
    passed = serializers.BooleanField()
    facts = serializers.DictField()


class AskedItemAnswer(ItemFactsAnswer):
    """The product that was asked about."""

    id = serializers.IntegerField()
    rows = StepAnswer(many=True, help_text="Its way into a row, up to the first step that it failed.")
    list = StepAnswer(many=True, help_text="Its way into the list.")


class VisitFactsAnswer(serializers.Serializer):
    """What the decision knows of the visit."""

    tracking_allowed = serializers.BooleanField(help_text="Whether the visitor gave consent.")
    hide_private_reasons = serializers.BooleanField(help_text="Whether nothing is named that was bought or viewed.")
    purchased_products = serializers.IntegerField(help_text="Of the genome.")
    neighbour_products = serializers.IntegerField(help_text="Products of similar customers.")
    recent_events = serializers.IntegerField()
    preferences = serializers.IntegerField()
    basket = serializers.ListField(child=serializers.IntegerField())
    country = serializers.CharField(allow_blank=True)
    language = serializers.CharField(allow_blank=True)
    device = serializers.CharField(allow_blank=True)
    policy = serializers.DictField(help_text="The numbers that the decision goes by.")


class ExplainAnswer(serializers.Serializer):
    """How a page came about."""

    surface = serializers.CharField()
    snapshot = serializers.CharField(
        allow_blank=True, help_text="Empty where the rows come from the shop's own tables."
    )
    visit = VisitFactsAnswer()
    rules = RuleAnswer(many=True)
    rows = TracedRowAnswer(many=True, help_text="As they stand on the page, those that it does not show among them.")
    failed_row_types = serializers.ListField(child=serializers.CharField())
    list = TracedListAnswer(allow_null=True)
    item = AskedItemAnswer(allow_null=True)
