// attack: text of the attacker where the program still expects an object with a function in it
// has: a dangling pointer that the program calls through; sizes, order, contents, and as many texts as the effort says
// reaches: the program calls what the attacker wrote
// never:
// efforts: 1 4096
#include <stddef.h>

#include "attack.h"

struct Object {
  long counter;
  void (*when_done)(void);
  char name[48];
};

static void harmless(void) {}

int main(int count, char** arguments) {
  struct Object* const object = (struct Object*)(void*)take(sizeof *object);
  object->when_done = harmless;
  drop(object);
  for (size_t i = 0; i < effort(count, arguments); ++i) {
    drop(take(sizeof *object));
    char* const text = take(sizeof *object);
    put_word(text, offsetof(struct Object, when_done), (uintptr_t)reached);
  }
  void (*const call)(void) = ((struct Object*)(void*)opaque(object))->when_done;
  if (call == reached) call();
  nothing();
}
