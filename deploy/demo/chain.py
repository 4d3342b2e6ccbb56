"""A made-up chain: its members, stores, goods and communities, each a function of a number.

Nothing is kept per member, so a chain of millions costs no memory: who member 812,345 is follows
from the seed and the number.
"""

from dataclasses import dataclass
from typing import Final

from msgspec import UNSET

from shared.events.facts import Gender, Profile
from shared.events.scalars import Day

_SURNAMES: Final = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗"
_GIVEN: Final = (
    "伟",
    "芳",
    "秀英",
    "敏",
    "静",
    "丽",
    "强",
    "磊",
    "洋",
    "艳",
    "勇",
    "娟",
    "梓涵",
    "一诺",
)
_ELSEWHERE: Final = (
    "Zoë Müller",
    "Siobhán O'Brien",
    "Иван Петров",
    "محمد علي",
    "さくら",
    "Nguyễn Thị Ánh",
    "김민준",
    "Ada 🌸",
)
_CITIES: Final = ("上海", "北京", "广州", "深圳", "成都", "杭州", "武汉", "西安", "Macau", "香港")
_INTERESTS: Final = ("tea", "烘焙", "coffee", "kids", "健身", "pets")
_GENDERS: Final[tuple[Gender, ...]] = ("female", "male", "other", "unknown")
_CATEGORIES: Final = (
    *("生鲜", "烘焙", "饮料", "零食", "日用"),
    *("GROCERY", "DAIRY", "MEAT", "PHARMACY", "GIFT CARD"),
)
_GOODS: Final = 400
_PRICE_STEPS: Final = 60
_LARGE_PRIME: Final = 2_654_435_761
_OPEN_IDS: Final = "openid:wx0f3a"
COMMUNITIES_PER_STORE: Final = 3
STAFF_PER_STORE: Final = 5


@dataclass(frozen=True, slots=True)
class Good:
    """Something on sale; `grams` goods are sold by weight."""

    sku: str
    name: str
    category: str
    price: int
    by_weight: bool


@dataclass(frozen=True, slots=True)
class Chain:
    """A chain of so many members and stores."""

    members: int
    stores: int
    seed: int

    def mix(self, number: int, salt: int) -> int:
        """A number that looks random and always is the same for a number and a salt."""
        mixed = (number * _LARGE_PRIME + salt * 40_503 + self.seed * 1_000_003) & 0xFFFFFFFF
        mixed ^= mixed >> 15
        mixed = (mixed * 0x85EBCA6B) & 0xFFFFFFFF
        return mixed ^ (mixed >> 13)

    def subject(self, member: int) -> str:
        """The one name under which a member's events are published."""
        match member % 4:
            case 0:
                return f"card:{100_000 + member}"
            case 1:
                return f"phone:+86{13_000_000_000 + member}"
            case 2:
                return f"wecom:wm{self.seed}x{member}"
            case _:
                return f"{_OPEN_IDS}:o{self.seed}-{member}"

    def further_name(self, member: int) -> str:
        """Another name of the same member, told when they join."""
        return f"pos:{self.home_store(member)}-{member}"

    def store(self, number: int) -> str:
        """The id of a store."""
        return f"S{number % self.stores:04d}"

    def home_store(self, member: int) -> str:
        """Where a member usually buys."""
        return self.store(self.mix(member, 1))

    def staff(self, store: str, number: int) -> str:
        """Somebody who works at a store."""
        return f"{store}-staff-{number % STAFF_PER_STORE}"

    def community(self, store: str, number: int) -> str:
        """A chat group of a store."""
        return f"{store}-c{number % COMMUNITIES_PER_STORE}"

    def good(self, number: int) -> Good:
        """Something on sale."""
        number %= _GOODS
        mixed = self.mix(number, 2)
        category = _CATEGORIES[mixed % len(_CATEGORIES)]
        price = (1 + mixed % _PRICE_STEPS) * 50
        return Good(f"sku-{number:03d}", f"{category} {number}", category, price, number % 7 == 0)

    def profile(self, member: int) -> Profile:
        """Who a member is; not everybody tells everything."""
        mixed = self.mix(member, 3)
        return Profile(
            name=self._name(member, mixed),
            phone=f"+86{13_000_000_000 + member}" if mixed % 3 else UNSET,
            birthday=self._birthday(mixed) if mixed % 5 else UNSET,
            gender=_GENDERS[mixed % len(_GENDERS)],
            city=_CITIES[mixed % len(_CITIES)],
            interests=[_INTERESTS[mixed % len(_INTERESTS)]] if mixed % 2 else UNSET,
        )

    def _name(self, member: int, mixed: int) -> str:
        if member % 11 == 0:
            return _ELSEWHERE[mixed % len(_ELSEWHERE)]
        return _SURNAMES[mixed % len(_SURNAMES)] + _GIVEN[mixed // 32 % len(_GIVEN)]

    def _birthday(self, mixed: int) -> Day:
        year = 1604 if mixed % 4 == 0 else 1950 + mixed % 55
        return Day(year, 1 + mixed // 64 % 12, 1 + mixed // 1024 % 28)
