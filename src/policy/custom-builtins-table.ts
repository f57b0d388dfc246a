/**
 * The builtins that custom Rego may call: those that a compiled policy brings along in its own wasm
 * and whose answer follows from their arguments. Whatever asks the clock, the network, a random
 * source or the host is absent, and so is what the JavaScript SDK would stand in for, because it
 * answers otherwise than OPA does (`sprintf`). A test compiles and compares.
 */
export const customBuiltins: ReadonlySet<string> = new Set([
  ...['assign', 'eq', 'equal', 'gt', 'gte', 'lt', 'lte', 'neq'],
  ...['internal.member_2', 'internal.member_3'],
  ...['abs', 'ceil', 'div', 'floor', 'minus', 'mul', 'numbers.range', 'plus', 'rem', 'round'],
  ...['count', 'max', 'min', 'product', 'sort', 'sum'],
  ...['and', 'intersection', 'or', 'union'],
  ...['array.concat', 'array.reverse', 'array.slice'],
  ...['object.filter', 'object.get', 'object.keys', 'object.remove', 'object.union'],
  ...['concat', 'contains', 'endswith', 'format_int', 'indexof', 'lower', 'replace', 'split'],
  ...['startswith', 'strings.replace_n', 'strings.reverse', 'substring', 'trim', 'trim_left'],
  ...['trim_prefix', 'trim_right', 'trim_space', 'trim_suffix', 'upper', 'to_number'],
  ...['glob.match', 'regex.find_all_string_submatch_n', 'regex.is_valid', 'regex.match'],
  ...['net.cidr_contains', 'net.cidr_intersects'],
  ...['base64.decode', 'base64.encode', 'base64.is_valid'],
  ...['base64url.decode', 'base64url.encode'],
  ...['bits.and', 'bits.lsh', 'bits.negate', 'bits.or', 'bits.rsh', 'bits.xor'],
  ...['json.filter', 'json.is_valid', 'json.marshal', 'json.remove', 'json.unmarshal'],
  ...['is_array', 'is_boolean', 'is_null', 'is_number', 'is_object', 'is_set', 'is_string'],
  ...['type_name', 'graph.reachable', 'walk'],
])
