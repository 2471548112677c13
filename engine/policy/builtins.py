"""The Rego built-in functions that a bundle may use: those on which both evaluators agree."""

_NAMES = """
abs ceil floor round numbers.range product sum max min count sort all any
concat contains endswith startswith format_int indexof indexof_n lower upper replace split strings.any_prefix_match
strings.any_suffix_match strings.replace_n strings.reverse substring trim trim_left trim_prefix trim_right
trim_space trim_suffix
array.concat array.reverse array.slice
object.get object.keys object.remove object.union object.union_n object.filter object.subset
json.filter json.remove json.is_valid json.marshal json.unmarshal base64.encode base64.decode base64.is_valid
is_array is_boolean is_null is_number is_object is_set is_string type_name to_number
glob.match regex.match regex.is_valid regex.split
time.parse_rfc3339_ns time.weekday time.clock time.date time.add_date time.diff time.parse_duration_ns
semver.compare semver.is_valid net.cidr_contains
union intersection graph.reachable walk
bits.and bits.or units.parse units.parse_bytes
"""

ALLOWED = frozenset(_NAMES.split())
