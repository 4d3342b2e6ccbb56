"""The features that earning conditions may speak of, and how generated code reads each of them.

A feature is a Python expression over the local names of the generated rating function: `fact` (what
happened), `member` (tier and birthday as they were at that moment), `month`, `weekday`, `hour`
(local), and of a purchase `total`, `categories`, `skus`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from shared.conditions import Catalogue, Feature, FeatureType


@dataclass(frozen=True, slots=True)
class Source:
    """A feature with the expression that gives its value."""

    feature: Feature
    expression: str


def _source(
    name: str, type_: FeatureType, expression: str, words: tuple[str, str], unit: str = ""
) -> Source:
    zh, en = words
    return Source(Feature(name, type_, {"zh": zh, "en": en}, unit), expression)


_MEMBER: Final = (
    _source("tier", "text", "member.tier", ("当时的等级", "tier at that moment")),
    _source(
        "birthday_month",
        "bool",
        "(month == member.birthday_month if member.birthday_month else None)",
        ("当月生日", "it is the month of the member's birthday"),
    ),
    _source("month", "int", "month", ("当地月份", "month, local time")),
    _source("weekday", "int", "weekday", ("当地星期, 1 为周一", "day of the week, 1 is Monday")),
    _source("hour", "int", "hour", ("当地小时", "hour of the day, local time"), "hours"),
    _source("store_id", "text", "fact.store_id", ("门店", "store")),
    _source("campaign_id", "text", "fact.campaign_id", ("活动", "campaign")),
)

_PURCHASE: Final = (
    _source("total", "int", "total", ("实付金额", "amount paid"), "minor units"),
    _source("currency", "text", "fact.currency", ("货币", "currency")),
    _source("channel", "text", "fact.channel", ("渠道", "sales channel")),
    _source(
        "categories",
        "set",
        "categories",
        ("购买的品类", "categories bought"),
    ),
    _source("skus", "set", "skus", ("购买的商品", "articles bought")),
)

_ACTION: Final = (
    _source("community_id", "text", "fact.community_id", ("社群", "community")),
    _source("content_id", "text", "fact.content_id", ("内容", "content")),
    _source("category", "text", "fact.category", ("品类", "category")),
    _source("sku", "text", "fact.sku", ("商品", "article")),
    _source("likes", "int", "fact.likes", ("获赞数", "likes gathered"), "likes"),
    _source("score", "number", "fact.score", ("评分", "score")),
    _source("duration_s", "number", "fact.duration_s", ("时长", "duration"), "seconds"),
    _source("correct", "bool", "fact.correct", ("答对", "the answer was correct")),
)

LINE_FEATURES: Final = frozenset({"categories", "skus"})
"""Features for which the lines of a purchase have to be kept."""


def _catalogue(sources: Iterable[Source]) -> Catalogue:
    return Catalogue(source.feature for source in sources)


PURCHASE_CATALOGUE: Final = _catalogue(_MEMBER + _PURCHASE)
ACTION_CATALOGUE: Final = _catalogue(_MEMBER + _ACTION)
EXPRESSIONS: Final[dict[str, str]] = {
    source.feature.name: source.expression for source in _MEMBER + _PURCHASE + _ACTION
}


def catalogue_of(source: str) -> Catalogue:
    """The features of a rule, by its source: `purchase`, or `interaction` and `task`."""
    return PURCHASE_CATALOGUE if source == "purchase" else ACTION_CATALOGUE
