"""The models in the words of JSON Schema 2020-12, which are those of OpenAPI 3.1.

Which fields there are, their types, ranges and defaults is said by the models alone. Here is what they can't say: a
sentence for each field, and the rules that are functions, as far as a pattern tells them. A schema never refuses what
the service takes; what it lets through may still be refused, for the account's sake or the moment's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, get_args

from pydantic import AfterValidator, BaseModel, PlainValidator
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, models_json_schema
from pydantic_core import core_schema

from otpvoice.dialects import fields
from otpvoice.dialects.hosted_voices import LONGEST
from otpvoice.dialects.models import Model
from otpvoice.dialects.numbers import Number
from otpvoice.dialects.openapi_words import COMMON, JOINT, NUMBER, WORDS

_REF: Final = "#/components/schemas/{model}"
_TEXT: Final[Mapping[str, Any]] = {"pattern": "^[^\\u0000-\\u0008\\u000E-\\u001F\\u007F-\\u0084\\u0086-\\u009F]*$"}
_HEADERS: Final = get_args(get_args(fields.SipHeaders)[0])


def request_schemas(models: Iterable[type[BaseModel]]) -> dict[str, Any]:
    """Return the schemas of what may be said to us and all that is in it, by name."""
    roots = {model.__name__: model for model in models}
    _, found = models_json_schema(
        [(model, "validation") for model in roots.values()], ref_template=_REF, schema_generator=_Requests
    )
    return _reached(found["$defs"], set(roots))


def answer_schemas(models: Iterable[type[BaseModel]]) -> dict[str, Any]:
    """Return the schemas of answers and all that is in them, by name."""
    _, found = models_json_schema(
        [(model, "serialization") for model in models],
        ref_template=_REF,
        schema_generator=_Answers,
        union_format="primitive_type_array",
    )
    schemas: dict[str, Any] = found["$defs"]
    return schemas


class _Plain(GenerateJsonSchema):
    """pydantic's schemas without titles that only repeat a field's name, and with Markdown for Sphinx's quotes."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        said = super().model_schema(schema)
        return {**said, "description": said["description"].replace("``", "`")}


class _Answers(_Plain):
    """What we say. What has a default may be missing."""

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])


class _Requests(_Plain):
    """What may be said to us. Null is never a value: a field that has none is left out."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        said = super().default_schema(schema)
        return {word: value for word, value in said.items() if (word, value) != ("default", None)}

    def function_after_schema(self, schema: core_schema.AfterValidatorFunctionSchema) -> JsonSchemaValue:
        return self._ruled(super().function_after_schema(schema), schema["function"])

    def function_plain_schema(self, schema: core_schema.PlainValidatorFunctionSchema) -> JsonSchemaValue:
        return self._ruled(super().function_plain_schema(schema), schema["function"])

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        said = super().dict_schema(schema)
        return {**said, "additionalProperties": False} if "patternProperties" in said else said

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        said = super().model_schema(schema)
        if issubclass(schema["cls"], Model):
            name = schema["cls"].__name__
            described = {field: {**rest, **words(name, field)} for field, rest in said.get("properties", {}).items()}
            said = {**said, "properties": described, **JOINT.get(name, {})}
        return said

    @staticmethod
    def _ruled(said: JsonSchemaValue, function: Any) -> JsonSchemaValue:
        return {**said, **RULES.get(function["function"], {})}


def words(model: str, field: str) -> Mapping[str, Any]:
    """Return what is said of a field besides what its model says. Raises ``KeyError``: nothing is."""
    said = WORDS.get(model, {}).get(field) or COMMON[field]
    return {"description": said} if isinstance(said, str) else said


def rule_of(kind: Any) -> Callable[..., Any]:
    """Return the function that is a kind's rule."""
    (rule,) = (one.func for one in get_args(kind)[1:] if isinstance(one, AfterValidator | PlainValidator))
    return rule


RULES: Final[Mapping[Callable[..., Any], Mapping[str, Any]]] = {
    rule_of(kind): said
    for kind, said in (
        (fields.Code, {"pattern": "^[0-9A-Za-z]{3,12}$"}),
        # C0, DEL and C1 but for line breaks and tabs; the service knows some more that are no text.
        # A brand has the same rule.
        (fields.Text, _TEXT),
        (fields.Language, {"pattern": "^[A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8})*$"}),
        (fields.VoiceName, {"minLength": 1, "maxLength": LONGEST}),
        (fields.Url, {"pattern": "^[Hh][Tt][Tt][Pp][Ss]?:"}),
        (fields.PromptName, {"pattern": "^[A-Za-z0-9_-]{1,64}$"}),
        (fields.Instant, {"format": "date-time"}),
        (Number, NUMBER),
        (_HEADERS[0], {"pattern": "^X-[A-Za-z0-9-]{1,60}$"}),
        # Bytes are not counted by any word; characters are no more than they.
        (_HEADERS[1], {"minLength": 1, "maxLength": fields.LARGEST_HEADER}),
    )
}
"""What rules that are functions say, as far as JSON Schema can."""


def _reached(schemas: dict[str, Any], roots: set[str]) -> dict[str, Any]:
    """Return the roots and what they refer to: pydantic keeps what its own types are made of, too."""
    found: set[str] = set()
    ahead = roots
    while ahead:
        found |= ahead
        refs = {one["$ref"] for name in ahead for one in _objects(schemas[name]) if "$ref" in one}
        ahead = {name for name in schemas if _REF.format(model=name) in refs} - found
    return {name: schema for name, schema in schemas.items() if name in found}


def _objects(schema: Any) -> Iterator[dict[str, Any]]:
    if isinstance(schema, dict):
        yield schema
    for inner in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
        yield from _objects(inner)
