// Makes one allocation fail by replacing the C library's malloc and related functions, which operator new uses too.
#pragma once

#include <functional>

namespace weft::test {

// False under a sanitizer, which replaces malloc itself.
bool can_fail_allocations();

// Runs `work`, in which allocation number `which` fails, counted from 1; 0 means none. Returns the number of
// allocations until the end or the failure.
long fail_allocation(long which, const std::function<void()>& work);

}  // namespace weft::test
