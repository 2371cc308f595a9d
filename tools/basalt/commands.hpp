// The commands, each in the file of its name.
#pragma once

#include "command.hpp"

namespace basalt::tool {

Action describe_check(Options page);
Action describe_compare(Options page);
Action describe_doctor(Options page);
Action describe_dump(Options page);
Action describe_export(Options page);
Action describe_guard(Options page);
Action describe_import(Options page);
Action describe_info(Options page);
Action describe_profile(Options page);
Action describe_record(Options page);
Action describe_replay(Options page);
Action describe_report(Options page);
Action describe_run(Options page);
Action describe_top(Options page);

inline constexpr Command check_command{
    "check", "Run a program and fail if it needs more memory than it may",
    "The program is recorded, and held against what it may need; processes that it starts are not counted,\n"
    "and it is said if there were any. Its own status comes first, if it fails;\n"
    "else 1 says that a budget was exceeded. What was found is on stderr, for stdout is the program's; with "
    "--json it is on stdout, behind "
    "that.",
    "  basalt check --max-peak 64M --max-allocs 10000 -- ./test\n"
    "  basalt check --no-leaks --suppress my_cache -- ./test",
    describe_check};
inline constexpr Command compare_command{
    "compare", "Say what became better or worse between two traces, profiles or replays",
    "Two traces: peak, bytes, allocations, what is left, and where the peak differs. Two profiles: what "
    "they\n"
    "count, and by whom. Two results of replay: time and memory of each allocator that both have.",
    "  basalt compare before.trace after.trace\n"
    "  basalt compare --max-regress 3% before.json after.json",
    describe_compare};
inline constexpr Command doctor_command{
    "doctor", "Say beforehand what will not work with a program, and what to do",
    "The program is looked at, and not run. Status 1 says that nothing can be preloaded into it.",
    "  basalt doctor -- ./app", describe_doctor};
inline constexpr Command dump_command{"dump", "Print the events of a trace, one a line",
                                      "Only the blocks of the file that hold the wanted events are read.",
                                      "  basalt dump app.trace | head\n"
                                      "  basalt dump --json --from 1000 --count 10 app.trace",
                                      describe_dump};
inline constexpr Command export_command{
    "export", "Turn a trace into what other tools read",
    "Formats with stacks (pprof, collapsed) are of one moment; the others have every event.",
    "  basalt export --to pprof -o app.pb.gz app.trace\n"
    "  basalt export --to collapsed app.trace | flamegraph.pl > app.svg\n"
    "  basalt export --to rep -o app.rep app.trace",
    describe_export};
inline constexpr Command guard_command{
    "guard", "Test whether guarded slots would notice what they are there to notice",
    "A block is put between guard pages, and the kernel is asked whether they, and the block once it is\n"
    "freed, can be read.",
    "  basalt guard\n"
    "  basalt guard -a hardened",
    describe_guard};
inline constexpr Command import_command{
    "import", "Make a trace of what other tools recorded",
    "Stacks are not taken over: what comes out is for replay, and for the parts of a report that need none.",
    "  basalt import heaptrack.app.1234.zst\n"
    "  basalt import -o lab.trace amptjp.rep",
    describe_import};
inline constexpr Command info_command{
    "info", "Say what a trace holds, without reading its events",
    "It reads the summaries of a trace, and whether every block of events is as it was written, without\n"
    "unpacking any. Status 1 says that one is not.",
    "  basalt info app.trace\n"
    "  basalt info --json app.trace",
    describe_info};

inline constexpr Command profile_command{
    "profile", "Run a program and sample who holds its memory, at next to no cost",
    "Few requests are looked at, and count for as many as they stand for: right on average, for every size.\n"
    "Without --leaks it says who holds memory at the end. The profile is for pprof, Pyroscope, Parca.",
    "  basalt profile -o app.pb.gz -- ./app --option\n"
    "  basalt profile --leaks --warm-up 30 -- ./server\n"
    "  basalt profile --serve 127.0.0.1:8080 -- ./server",
    describe_profile};

inline constexpr Command record_command{
    "record", "Run a program and write down all that it allocates and frees",
    "The trace holds every block, by which thread and from where, up to the program's end, however that "
    "comes:\n"
    "what it did before it was killed is in it. Without --pointers it holds no address of data.",
    "  basalt record -- ./app --option\n"
    "  basalt record -o app.trace --time -- ./app\n"
    "  basalt record --children -o build.trace -- make",
    describe_record};

inline constexpr Command replay_command{
    "replay", "Play a trace on several allocators: which is the fastest, which takes least?",
    "Each round plays on every allocator in turn, each in a process of its own. A replay has no work between "
    "its\n"
    "calls: what allocators do to a program's own caches is not in it, nor the time between threads.",
    "  basalt replay app.trace\n"
    "  basalt replay -a basalt,jemalloc,/opt/lib/libmine.so -r 10 app.trace\n"
    "  basalt replay --html race.html app.trace",
    describe_replay};

inline constexpr Command report_command{
    "report", "Say who holds memory, for how long, and what could be done",
    "Names of functions come from the files on this machine, without the network. A place is the innermost\n"
    "function that is not of the standard library's containers or allocators.",
    "  basalt report app.trace\n"
    "  basalt report --leaks --stacks app.trace\n"
    "  basalt report --at 1.5s --html app.html app.trace",
    describe_report};

inline constexpr Command run_command{
    "run", "Run a program on Basalt, and say where its memory is",
    "A line at the end says how long it took and how much was resident at most. The account of --stats is\n"
    "taken when the program exits, and its steps add up to what the kernel counts as resident, to the byte.",
    "  basalt run -- ./app --option\n"
    "  basalt run --hardened -- ./app\n"
    "  basalt run --stats --limit 512M -- ./app",
    describe_run};

inline constexpr Command top_command{"top", "Watch what a program's memory is used for, while it runs",
                                     "A process answers only if basalt top or basalt profile started it, and "
                                     "only its own user. The program's\n"
                                     "own output is on stdout as well: send it elsewhere.",
                                     "  basalt top -- ./server >server.log\n"
                                     "  basalt top 1234\n"
                                     "  basalt top --count 1 --json 1234",
                                     describe_top};

}  // namespace basalt::tool
