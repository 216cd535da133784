// Makes one allocation fail, by standing before the C library's malloc and its kin; operator new goes through them too.
#pragma once

#include <functional>

namespace weft::test {

// False under a sanitizer, which stands there itself.
bool can_fail_allocations();

// Runs `work`, in which allocation number `which`, counted from 1, fails; 0: none. The number of those before the end,
// or until the one that failed.
long fail_allocation(long which, const std::function<void()>& work);

}  // namespace weft::test
