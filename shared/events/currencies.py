"""ISO 4217: which currencies there are, and how many decimals the minor unit of each is.

Money is counted in minor units: 3520 is 35.20 in CNY, 3520 in JPY, 3.520 in KWD.
"""

from collections.abc import Mapping
from typing import Final

_NONE: Final = """
BIF BYR CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF
"""
_TWO: Final = """
AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF
CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ
GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD
MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON
RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS
UAH USD USN UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG
"""
_WITHDRAWN: Final = """
ANG AZM BYB CUC EEK GHC HRK LTL LVL MRO MZM ROL SDD SKK SLL STD TRL VEB VEF ZMK ZWL
"""
"""In use no more, but imported histories are told in them; all had two decimals."""
_THREE: Final = """
BHD IQD JOD KWD LYD OMR TND
"""
_FOUR: Final = """
CLF UYW
"""

MINOR_DIGITS: Final[Mapping[str, int]] = {
    code: digits
    for digits, codes in ((0, _NONE), (2, _TWO), (2, _WITHDRAWN), (3, _THREE), (4, _FOUR))
    for code in codes.split()
}
"""Decimals of the minor unit by code."""

MEANT: Final[Mapping[str, str]] = {"RMB": "CNY", "CNH": "CNY", "YUAN": "CNY", "NTD": "TWD"}
"""What people write for a currency that has another code."""
