// Reading JSON files over nlohmann's library. What is wrong is an Error that says it in one line, for the caller to put
// the file's name before.
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

// Throws Error where the text holds a byte 0, at which the library stops reading, or brackets nested deeper than Weft's
// files ever are: the library copies and prints values by recursion.
void check_json_text(std::string_view text);

// nlohmann::json or ordered_json. Throws Error where the text is not JSON, as check_json_text says, or an object lists
// a name twice, of which the library would keep one.
template <typename Json>
Json parse_json(std::string_view text) {
  check_json_text(text);
  std::vector<std::set<std::string>> names;  // of the objects around the value at hand
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

// A value in short, for messages: itself, or [...] or {...}.
template <typename Json>
std::string brief_json(const Json& value) {
  if (value.is_structured()) return value.is_array() ? "[...]" : "{...}";
  return brief(value.dump(-1, ' ', false, Json::error_handler_t::replace));
}

// The value as T. Throws Error where it is another: get() of the library cuts 1.5 to 1, and wraps numbers that T cannot
// hold.
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

// The member `key` of an object as T. Throws Error where it is missing, or another.
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
