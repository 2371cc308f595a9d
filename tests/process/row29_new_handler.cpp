// Row 29: a new_handler that frees a reserve, one that throws what it likes, none at all; nothrow forms give null.
// runs: preload global static
#include <new>

#include "support/process.hpp"

namespace {

struct OutOfEverything : std::bad_alloc {};

const volatile std::size_t too_much = SIZE_MAX / 2 - 100;
int calls = 0;

template <class Error, class Form>
void expect_throw(Form&& form) {
  bool thrown = false;
  try {
    (void)process::opaque(form());
  } catch (const Error&) {
    thrown = true;
  }
  CHECK(thrown);
}

// Each call of the handler is a chance; the third gives up.
void give_up_at_last() {
  if (++calls == 3) std::set_new_handler(nullptr);
}

void throw_derived() {
  ++calls;
  throw OutOfEverything{};
}

template <class Form>
void throwing_form(Form&& form) {
  std::set_new_handler(nullptr);
  expect_throw<std::bad_alloc>(form);
  calls = 0;
  std::set_new_handler(give_up_at_last);
  expect_throw<std::bad_alloc>(form);
  CHECK(calls == 3);
  std::set_new_handler(throw_derived);
  expect_throw<OutOfEverything>(form);
}

template <class Form>
void nothrow_form(Form&& form) {
  std::set_new_handler(nullptr);
  CHECK(form() == nullptr);
  calls = 0;
  std::set_new_handler(give_up_at_last);
  CHECK(form() == nullptr);
  CHECK(calls == 3);
  calls = 0;
  std::set_new_handler(throw_derived);
  CHECK(form() == nullptr);
  CHECK(calls == 1);
}

}  // namespace

int main() {
  process::must_be_ours();
  constexpr std::align_val_t wide{128};
  throwing_form([] { return ::operator new(too_much); });
  throwing_form([] { return ::operator new[](too_much); });
  throwing_form([] { return ::operator new(too_much, wide); });
  throwing_form([] { return ::operator new[](too_much, wide); });
  nothrow_form([] { return ::operator new(too_much, std::nothrow); });
  nothrow_form([] { return ::operator new[](too_much, std::nothrow); });
  nothrow_form([] { return ::operator new(too_much, wide, std::nothrow); });
  nothrow_form([] { return ::operator new[](too_much, wide, std::nothrow); });

  // A failure that is no fault of ours: the handler makes room, and the second try succeeds. RLIMIT_AS in row 43.
  std::set_new_handler(nullptr);
  ::operator delete(::operator new(100));
  process::heap_must_be_valid();
}
