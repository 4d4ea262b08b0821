"""The statements that count a day, in the words of each database."""

EACH_PRODUCT = {
    "postgresql": (
        "jsonb_array_elements(({list})::jsonb) AS item(pair) ON TRUE",
        ("(item.pair->>0)::bigint", "item.pair->>2", "item.pair->>3", "item.pair->>5"),
    ),
    "sqlite": (
        "json_each({list}) AS item ON TRUE",
        tuple(f"json_extract(item.value, '$[{place}]')" for place in (0, 2, 3, 5)),
    ),
    "mysql": (
        "JSON_TABLE({list}, '$[*]' COLUMNS (product BIGINT PATH '$[0]', reason VARCHAR(64) PATH '$[2]', "
        "campaign VARCHAR(64) PATH '$[3]', currency VARCHAR(12) PATH '$[5]')) AS item ON TRUE",
        ("item.product", "item.reason", "item.campaign", "item.currency"),
    ),
}
"""By database: how a list of [product, position, reason, campaign, propensity, currency] becomes rows, and product,
reason, campaign and currency of each."""
EACH_SEGMENT = {
    "postgresql": ("CROSS JOIN jsonb_array_elements_text({segments}) AS inside(key)", "inside.key::bigint"),
    "sqlite": ("CROSS JOIN json_each({segments}) AS inside", "inside.value"),
    "mysql": ("JOIN JSON_TABLE({segments}, '$[*]' COLUMNS (key_ BIGINT PATH '$')) AS inside", "inside.key_"),
}
"""By database: how a list of segments becomes rows, and the segment of each."""
ROW_CODES = {
    "postgresql": "split_part({key}, ':', 1)",
    "sqlite": "substr({key}, 1, instr({key} || ':', ':') - 1)",
    "mysql": "SUBSTRING_INDEX({key}, ':', 1)",
}
"""By database: the code of a row's type, of its key."""

COUNT_SQL = """
INSERT INTO {totals} (
    {date}, {type}, {surface}, {row_code}, {campaign}, {arm}, {device}, {is_customer}, {product_id}, {segment_id},
    {event_count}, {visitor_count}, {units}, {gross}, {lost_amount}, {currency}
)
SELECT %s, %s, {surface}, {row_code}, {campaign}, {of_summary}, {of_products}, {of_segments},
    COUNT(*), COUNT(DISTINCT {visitor}), 0, 0, 0, {currency}
FROM (
    SELECT COALESCE({shown}.{surface}, '') AS {surface}, {events}.{visitor} AS {visitor}, {events}.{device} AS {device},
        COALESCE({shown}.{arm}, '') AS {arm},
        CASE WHEN {shown}.{item_kind} = 'product' AND COALESCE({shown}.{reason}, {item_reason}, '') = '' THEN ''
            ELSE {code} END AS {row_code},
        COALESCE({shown}.{campaign}, {item_campaign}, '') AS {campaign},
        CASE WHEN {visitors}.{user} IS NULL THEN {no} ELSE {yes} END AS {is_customer},
        COALESCE({events}.{product_id}, {item_product}, 0) AS {product_id},
        COALESCE({shown}.{segments}, '[]') AS {segments},
        COALESCE(NULLIF({shown}.{currency}, ''), {item_currency}, '') AS {currency}
    FROM {events} JOIN {visitors} ON {visitors}.{id} = {events}.{visitor} LEFT JOIN {each} {click}
    WHERE {events}.{type} = %s AND {events}.{occurred_at} >= %s AND {events}.{occurred_at} < %s
        AND NOT {events}.{is_suspected_bot}
) AS did
{each_group}
GROUP BY {surface}, {row_code}, {campaign}, {currency}, {grouped}
"""
LAST_CLICK_SQL = """
LEFT JOIN {events} AS click ON click.{pk} = (
    SELECT earlier.{pk} FROM {events} AS earlier
    WHERE earlier.{visitor} = {events}.{visitor} AND earlier.{type} = 'select_item'
        AND earlier.{product_id} = {events}.{product_id} AND earlier.{occurred_at} <= {events}.{occurred_at}
        AND earlier.{occurred_at} >= %s AND NOT earlier.{is_suspected_bot}
    ORDER BY earlier.{occurred_at} DESC, earlier.{event_id} DESC LIMIT 1
)
"""
"""The click that led to what was put into a basket, which no page reports with its row."""
MONEY_SQL = """
INSERT INTO {totals} (
    {date}, {type}, {surface}, {row_code}, {campaign}, {arm}, {device}, {is_customer}, {product_id}, {segment_id},
    {event_count}, {visitor_count}, {units}, {gross}, {lost_amount}, {currency}
)
SELECT %s, %s, {surface}, {row_code}, {campaign}, {of_summary}, {of_products}, {of_segments},
    COUNT(*), COUNT(DISTINCT {order_mark}), SUM({quantity}), SUM({gross}), SUM({lost_amount}), {currency}
FROM (
    SELECT {credits}.*, {code} AS {row_code} FROM {credits}
    WHERE {touch} = %s AND {ordered_at} >= %s AND {ordered_at} < %s
) AS given
{each_group}
GROUP BY {surface}, {row_code}, {campaign}, {currency}, {grouped}
"""
