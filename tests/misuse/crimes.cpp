// The crimes of crimes.hpp, on request.
//
//   crimes                                  lists them: name, words, functions, and whether they are about a block
//   crimes serve HEAP SEED                  commits what it reads: lines of CRIME, API, SIZE, THREAD and RUNS, with tabs between them.
//                                           Each run is a child's. Answers each line with lines of outcome, number and sentence, the
//                                           last of which is a point
//   crimes CRIME API SIZE THREAD [aged]     commits one, and shows what there is to see
#include "stage.hpp"

namespace {

using namespace misuse;

void list() {
  for (const Crime& crime : crimes) {
    std::printf("%s\t%s\t%d\t", crime.name, crime.words, crime.about == About::block ? 1 : 0);
    const char* comma = "";
    for (std::size_t i = 0; i < std::size(apis); ++i) {
      if ((crime.apis >> i & 1) == 0) continue;
      std::printf("%s%s", comma, apis[i].name);
      comma = ",";
    }
    std::printf("\n");
  }
}

template <class Names>
int place_of(const char* name, const Names& names) {
  for (std::size_t i = 0; i < std::size(names); ++i)
    if (std::strcmp(names[i], name) == 0) return static_cast<int>(i);
  std::fprintf(stderr, "crimes: no %s\n", name);
  ::_exit(2);
}

Order order_of(const char* crime_name, const char* api_name, const char* size, const char* thread) {
  const Crime* const crime = crime_of(crime_name);
  const Api* const api = api_of(api_name);
  if (crime == nullptr || api == nullptr) place_of(crime == nullptr ? crime_name : api_name, threads);
  return {crime,
          {api, crime->maker != nullptr ? crime->maker : api->make, std::strtoull(size, nullptr, 10)},
          static_cast<Thread>(place_of(thread, threads)),
          1};
}

// Returns: whether there was a line. Nothing may be allocated for it.
bool read_line(char* line, std::size_t room) {
  for (char* end = line; end < line + room - 1; ++end) {
    if (::read(0, end, 1) != 1) return false;
    if (*end != '\n') continue;
    *end = 0;
    return true;
  }
  return false;
}

void serve(Heap heap, unsigned seed) {
  Stage stage{heap, seed};
  char line[256];
  while (read_line(line, sizeof line)) {
    const char* fields[5];
    char* rest = line;
    for (const char*& field : fields) field = ::strsep(&rest, "\t");
    Order order = order_of(fields[0], fields[1], fields[2], fields[3]);
    order.runs = static_cast<unsigned>(std::atoi(fields[4]));
    stage.play(order);
  }
}

}  // namespace

int main(int count, char** arguments) {
  if (count == 1) return list(), 0;
  if (count == 4 && std::strcmp(arguments[1], "serve") == 0) {
    serve(static_cast<Heap>(place_of(arguments[2], heaps)), static_cast<unsigned>(std::atoi(arguments[3])));
    return 0;
  }
  if (count < 5) return 2;
  if (count == 6) age(1);
  perform(order_of(arguments[1], arguments[2], arguments[3], arguments[4]));
  return 0;
}
