// Reads JSON files with nlohmann's library. Errors state the problem in one line, to which the caller prepends the file
// name.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "ir/error.h"
#include "ir/visible.h"

namespace weft::runtime {

// The library's text without its tag [json.exception...], visible and short.
std::string json_reason(const nlohmann::json::exception& error);

// Throws Error if the text holds a byte 0, where the library stops reading, or nests brackets deeper than Weft's files
// ever do: the library copies and prints values recursively.
void check_json_text(std::string_view text);

// Returns nlohmann::json or ordered_json. Throws Error if the text is not JSON, fails check_json_text, or has an object
// that lists a name twice, of which the library would keep one.
template <typename Json>
Json parse_json(std::string_view text) {
  check_json_text(text);
  std::vector<std::set<std::string>> names;  // of the objects around the current value
  std::optional<std::string> repeated;
  using Event = typename Json::parse_event_t;
  const auto watch = [&](int, Event event, const Json& value) {
    if (event == Event::object_start) names.emplace_back();
    if (event == Event::object_end) names.pop_back();
    if (event == Event::key && !names.back().insert(value.template get<std::string>()).second)
      repeated = value.template get<std::string>();
    return true;
  };
  try {
    Json json = Json::parse(text, watch);
    if (repeated) fail("'{}' is listed twice", brief(*repeated));
    return json;
  } catch (const nlohmann::json::exception& error) {
    fail("{}", json_reason(error));
  }
}

// A value in short form, for messages: itself, or [...] or {...}.
template <typename Json>
std::string brief_json(const Json& value) {
  if (value.is_structured()) return value.is_array() ? "[...]" : "{...}";
  return brief(value.dump(-1, ' ', false, Json::error_handler_t::replace));
}

// The value as T. Throws Error if it is of another type: the library's get() truncates 1.5 to 1 and wraps numbers that
// T cannot hold.
template <typename T, typename Json>
T json_value(const Json& value) {
  if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
    const bool fits = value.is_number_unsigned()
                          ? std::in_range<T>(value.template get<std::uint64_t>())
                          : value.is_number_integer() && std::in_range<T>(value.template get<std::int64_t>());
    if (!fits) fail("{} is not a whole number in range", brief_json(value));
  }
  try {
    return value.template get<T>();
  } catch (const nlohmann::json::exception& error) {
    fail("{}", json_reason(error));
  }
}

// The member `key` of an object as T. Throws Error if it is missing or of another type.
template <typename T, typename Json>
T json_member(const Json& object, const char* key) {
  if (!object.is_object() || !object.contains(key)) fail("'{}' is missing", key);
  try {
    return json_value<T>(object[key]);
  } catch (const Error& error) {
    fail("'{}': {}", key, error.what());
  }
}

}  // namespace weft::runtime
