// What is made at first use, and lists that are only added to, under every schedule and every value that a load may return.

#include <gtest/gtest.h>

#include "base/published.hpp"
#include "base/push_list.hpp"
#include "support/explored.hpp"

namespace basalt {
namespace {

using explorer::Execution;
using explorer::ModelAtomics;
using explorer::Plain;
using explorer::PlainField;
using explorer::require;
using explorer::Scenario;

struct Thing {
  Plain<int> made{0};
};

struct Place {
  Thing things[3];
  Published<Thing*, ModelAtomics> there;

  // A thread's first use: it finds what is there, or makes its own and undoes it if it comes second.
  Thing* use(Thing& own) {
    Thing* found = there.get();
    if (found == nullptr) {
      own.made.set(1);
      found = there.offer(&own);
    }
    require(found->made.get() == 1, "a thing was found before it was made");
    return found;
  }
};

void two_first_uses(Execution& run) {
  Place& place = run.make<Place>();
  Thing* found[2] = {};
  run.threads([&] { found[0] = place.use(place.things[0]); }, [&] { found[1] = place.use(place.things[1]); });
  require(found[0] == found[1] && found[0] == place.there.known(), "two things are in one place");
}

void three_first_uses(Execution& run) {
  Place& place = run.make<Place>();
  Thing* found[3] = {};
  run.threads([&] { found[0] = place.use(place.things[0]); }, [&] { found[1] = place.use(place.things[1]); },
              [&] { found[2] = place.use(place.things[2]); });
  require(found[0] == found[1] && found[1] == found[2], "two things are in one place");
}

void first_use_and_a_look(Execution& run) {
  Place& place = run.make<Place>();
  run.threads([&] { place.use(place.things[0]); }, [&] { place.use(place.things[1]); },
              [&] {
                Thing* const found = place.there.get();
                require(found == nullptr || found->made.get() == 1, "a thing was found before it was made");
              });
}

// As a table that grows under a lock, and is looked at without one.
void grown_while_looked_at(Execution& run) {
  Place& place = run.make<Place>();
  run.threads(
      [&] {
        for (Thing& thing : place.things) {
          thing.made.set(1);
          place.there.set(&thing);
        }
      },
      [&] {
        Thing* const found = place.there.get();
        require(found == nullptr || found->made.get() == 1, "a thing was found before it was made");
      });
}

// As a handler that a program sets: who replaces it may use what was there.
void replaced(Execution& run) {
  Place& place = run.make<Place>();
  const auto replace = [&](Thing& own) {
    own.made.set(1);
    Thing* const before = place.there.swap(&own);
    require(before == nullptr || before->made.get() == 1, "a thing was found before it was made");
  };
  run.threads([&] { replace(place.things[0]); }, [&] { replace(place.things[1]); },
              [&] { replace(place.things[2]); });
}

constexpr Scenario of_first_use[] = {
    {"two_first_uses", two_first_uses},
    {"three_first_uses", three_first_uses},
    {"first_use_and_a_look", first_use_and_a_look},
    {"grown_while_looked_at", grown_while_looked_at},
    {"replaced", replaced},
};

TEST(PublishedExplored, WhatIsFoundHasBeenMade) {
  test::expect_explored({"what is made at first use", {"src/base/published.hpp"}, of_first_use});
}

struct Item {
  PlainField<Item*> next;
  Plain<int> contents{0};
};

struct Line {
  Item items[3];
  PushList<Item, ModelAtomics> list;

  void push(Item& item) {
    item.contents.set(1);
    list.push(item);
  }
  static unsigned count(Item* first) {
    unsigned found = 0;
    for (Item* item = first; item != nullptr; item = item->next) {
      require(item->contents.get() == 1, "an item was found before it was made");
      require(++found <= 3, "the list goes round in a circle");
    }
    return found;
  }
};

void three_push(Execution& run) {
  Line& line = run.make<Line>();
  run.threads([&] { line.push(line.items[0]); }, [&] { line.push(line.items[1]); },
              [&] { line.push(line.items[2]); });
  require(Line::count(line.list.first()) == 3, "an item was lost");
}

void pushed_while_looked_through(Execution& run) {
  Line& line = run.make<Line>();
  run.threads([&] { line.push(line.items[0]); }, [&] { line.push(line.items[1]); },
              [&] { Line::count(line.list.first()); });
}

void pushed_while_taken(Execution& run) {
  Line& line = run.make<Line>();
  unsigned taken = 0;
  run.threads([&] { line.push(line.items[0]); }, [&] { line.push(line.items[1]); },
              [&] { taken = Line::count(line.list.take_all()); });
  require(taken + Line::count(line.list.take_all()) == 2, "an item was lost");
}

// What was taken comes back while another one has seen it on top.
void taken_and_pushed_again(Execution& run) {
  Line& line = run.make<Line>();
  line.push(line.items[0]);
  run.threads([&] { line.push(line.items[1]); },
              [&] {
                if (Item* const item = line.list.take_all()) {
                  Line::count(item);
                  line.push(*item);
                }
              });
}

constexpr Scenario of_lists[] = {
    {"three_push", three_push},
    {"pushed_while_looked_through", pushed_while_looked_through},
    {"pushed_while_taken", pushed_while_taken},
    {"taken_and_pushed_again", taken_and_pushed_again},
};

TEST(PushListExplored, NothingIsLostAndAllOfItIsSeen) {
  test::expect_explored({"lists that are only added to", {"src/base/push_list.hpp"}, of_lists});
}

}  // namespace
}  // namespace basalt
