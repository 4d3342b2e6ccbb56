"""ISO 4217: which currencies there are, and how many decimals the minor unit of each is.

Money is counted in minor units: 3520 is 35.20 in CNY, 3520 in JPY, 3.520 in KWD.
"""

from collections.abc import Mapping
from typing import Final

_NONE: Final = """
BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF
"""
_TWO: Final = """
AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD
CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD
HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD
MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON
RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD
TZS UAH USD UYU UZS VED VES WST XCD YER ZAR ZMW ZWG
"""
_THREE: Final = """
BHD IQD JOD KWD LYD OMR TND
"""

MINOR_DIGITS: Final[Mapping[str, int]] = {
    code: digits for digits, codes in ((0, _NONE), (2, _TWO), (3, _THREE)) for code in codes.split()
}
"""Decimals of the minor unit by code."""
