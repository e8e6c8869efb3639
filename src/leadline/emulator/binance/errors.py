"""The venue's refusals: code, text and HTTP status of each (dossier §14)."""

from __future__ import annotations

_TEXTS: dict[int, str] = {
    -1000: "An unknown error occurred while processing the request.",
    -1007: "Timeout waiting for response from backend server. Send status unknown; execution status unknown.",
    -1015: "Too many new orders; current limit is {0}.",
    -1021: "Timestamp for this request is outside of the recvWindow.",
    -1022: "Signature for this request is not valid.",
    -1023: "Start time is greater than end time.",
    -1100: "Illegal characters found in parameter '{0}'.",
    -1101: "Too many parameters sent for this endpoint.",
    -1102: "Mandatory parameter '{0}' was not sent, was empty/null, or malformed.",
    -1103: "An unknown parameter was sent.",
    -1105: "Parameter '{0}' was empty.",
    -1106: "Parameter '{0}' sent when not required.",
    -1111: "Precision is over the maximum defined for this asset.",
    -1114: "TimeInForce parameter sent when not required.",
    -1115: "Invalid timeInForce.",
    -1116: "Invalid orderType.",
    -1117: "Invalid side.",
    -1121: "Invalid symbol.",
    -1125: "This listenKey does not exist.",
    -1128: "Combination of optional parameters invalid.",
    -1130: "Data sent for parameter '{0}' is not valid.",
    -1136: "Invalid newOrderRespType.",
    -2008: "Invalid Api-Key ID.",
    -2011: "Unknown order sent.",
    -2013: "Order does not exist.",
    -2014: "API-key format invalid.",
    -2015: "Invalid API-key, IP, or permissions for action.",
    -2019: "Margin is insufficient.",
    -2020: "Unable to fill.",
    -2021: "Order would immediately trigger.",
    -2022: "ReduceOnly Order is rejected.",
    -2025: "Reach max open order limit.",
    -2027: "Exceeded the maximum allowable position at current leverage.",
    -2028: "Leverage is smaller than permitted: insufficient margin balance.",
    -4002: "Price greater than max price.",
    -4003: "Quantity less than or equal to zero.",
    -4004: "Quantity less than min quantity.",
    -4005: "Quantity greater than max quantity.",
    -4013: "Price less than min price.",
    -4014: "Price not increased by tick size.",
    -4015: "Client order id length should be less than 36 chars.",
    -4016: "Limit price can't be higher than {0}.",
    -4023: "Qty not increased by step size.",
    -4024: "Limit price can't be lower than {0}.",
    -4028: "Leverage {0} is not valid.",
    -4031: "Invalid working type.",
    -4032: "Exceed maximum cancel order size.",
    -4045: "Reach max stop order limit.",
    -4046: "No need to change margin type.",
    -4047: "Margin type cannot be changed if there exists open orders.",
    -4048: "Margin type cannot be changed if there exists position.",
    -4050: "Cross balance insufficient.",
    -4051: "Isolated balance insufficient.",
    -4054: "Cannot add position margin: position is 0.",
    -4055: "Amount must be positive.",
    -4056: "Invalid api key type.",
    -4059: "No need to change position side.",
    -4060: "Invalid position side.",
    -4061: "Order's position side does not match user's setting.",
    -4062: "Invalid or improper reduceOnly value.",
    -4067: "Position side cannot be changed if there exists open orders.",
    -4068: "Position side cannot be changed if there exists position.",
    -4082: "Invalid number of batch place orders.",
    -4105: "This symbol is in reduce only mode due to regulation requirements.",
    -4106: "This symbol is in reduce only mode for BUY orders.",
    -4107: "This symbol is in reduce only mode for SELL orders.",
    -4116: "ClientOrderId is duplicated.",
    -4120: (
        "Order type not supported for this endpoint. Please use the Algo Order API endpoints instead."
    ),
    -4130: "An open stop or take profit order with GTE and closePosition in the direction is existing.",
    -4131: (
        "The counterparty's best price does not meet the PERCENT_PRICE filter limit."
    ),
    -4137: "Quantity must be zero with closePosition equals true.",
    -4138: "Reduce only must be true.",
    -4139: "Order type can not be market if it's unable to cancel.",
    -4140: "Invalid symbol status for opening position.",
    -4141: "Symbol is closed.",
    -4161: "Leverage reduction is not supported in Isolated Margin Mode with open positions.",
    -4165: "Invalid time interval.",
    -4164: "Order's notional must be no smaller than {0} (unless you choose reduce only).",
    -4167: "Unable to adjust to Multi-Assets mode with symbols of Isolated Margin Mode.",
    -4168: "Unable to adjust to isolated-margin mode under the Multi-Assets mode.",
    -4171: "No need to change to this mode.",
    -5021: "Due to the order could not be filled immediately, the FOK order has been rejected.",
    -5022: (
        "Due to the order could not be executed as maker, the Post Only order will be rejected."
    ),
    -5024: "Symbol is not in trading status. Order amendment is not permitted.",
    -5025: "Only limit order is supported.",
    -5026: "Exceed maximum modify order limit.",
    -5027: "No need to modify the order.",
    -5029: "Order's notional must be no smaller than {0} (unless you choose reduce only).",
    -5037: "Invalid price match.",
    -5038: "Price match only supports order type: LIMIT, STOP AND TAKE_PROFIT.",
    -5039: "Invalid self trade prevention mode.",
    -5040: "The goodTillDate timestamp must be greater than the current time plus 600 seconds and smaller "
    "than 253402300799000.",
    -5041: "No depth matches this BBO order.",
    -5047: "The original order is not a reduce-only order.",
}  # fmt: skip
_STATUS = {-1007: 408, -1008: 503, -1015: 429, -2008: 401, -2014: 401, -2015: 401}


class Refused(Exception):
    """What the venue does not do; `status` is the HTTP status, also in answers of the WebSocket API."""

    def __init__(self, code: int, message: str, status: int = 400) -> None:
        super().__init__(f"{code} {message}")
        self.code = code
        self.message = message
        self.status = status


def refused(code: int, *values: object) -> Refused:
    """The refusal of that code with the venue's usual text, which may name values."""
    return Refused(code, _TEXTS[code].format(*values), _STATUS.get(code, 400))
