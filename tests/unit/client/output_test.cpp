// SPDX-License-Identifier: GPL-2.0
/* Tables and objects, in both forms. */
#include "client/error.h"
#include "tool/output.h"

#include <csignal>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <thread>
#include <unistd.h>

using namespace ipvs_tun;

namespace
{

/* What @fill prints. */
template <class Fill>
std::string printed(bool json, bool pretty, Fill &&fill)
{
	char name[] = "/tmp/ipvs-tun-output-XXXXXX";
	int fd = mkstemp(name);
	std::string out;
	char buffer[65536];
	ssize_t size;

	unlink(name);
	{
		Output output(fd, json, pretty);
		fill(output);
		output.sink.flush();
	}
	lseek(fd, 0, SEEK_SET);
	while ((size = read(fd, buffer, sizeof(buffer))) > 0)
		out.append(buffer, static_cast<std::size_t>(size));
	close(fd);
	return out;
}

void two_rows(Output &output)
{
	Table table(output, {{"name"}, {"value"}, {"list"}});

	table.put("name", "long name")
		.put("value", 7u)
		.put("list", std::vector<std::uint32_t>{1, 2});
	table.put_json("hidden", true).end_row();
	table.put("name", "x").put("value", {}, "none").put("list", std::vector<std::uint32_t>{});
	table.put_json("hidden", false).end_row();
	table.finish();
}

} // namespace

TEST(Table, TextHasAlignedColumns)
{
	EXPECT_EQ(printed(false, false, two_rows), "name       value  list\n"
						   "long name  7      1,2\n"
						   "x          none   -\n");
}

TEST(Table, JsonHasTheSameNames)
{
	EXPECT_EQ(printed(true, false, two_rows),
		  R"([{"name":"long name","value":7,"list":[1,2],"hidden":true},)"
		  R"({"name":"x","value":null,"list":[],"hidden":false}])"
		  "\n");
}

TEST(Table, PrettyJsonIsTheSameJson)
{
	std::string text = printed(true, true, two_rows);

	EXPECT_EQ(nlohmann::json::parse(text),
		  nlohmann::json::parse(printed(true, false, two_rows)));
	EXPECT_EQ(text.substr(0, 44), "[\n    {\n        \"name\": \"long name\",\n       ");
}

TEST(Table, EmptyIsAHeadingOrAnEmptyArray)
{
	auto empty = [](Output &output) { Table(output, {{"a"}, {"b"}}).finish(); };

	EXPECT_EQ(printed(false, false, empty), "a  b\n");
	EXPECT_EQ(printed(true, false, empty), "[]\n");
	EXPECT_EQ(printed(true, true, empty), "[]\n");
}

TEST(Table, AStreamKeepsTheWidthsThatItAskedFor)
{
	std::string text = printed(false, false, [](Output &output) {
		Table table(output, {{"n", 6}, {"x"}}, Table::Stream::yes);

		for (std::uint64_t i = 0; i < 100000; i++)
			table.put_number("n", i).put_string("x", "y").end_row();
		table.finish();
	});

	EXPECT_EQ(text.substr(0, 20), "n       x\n0       y\n");
	EXPECT_EQ(text.substr(text.size() - 20), "99998   y\n99999   y\n");
	EXPECT_EQ(text.size(), 100001u * 10);
}

TEST(Table, ControlCharactersDoNotReachTheTerminal)
{
	auto fill = [](Output &output) {
		Table table(output, {{"x"}});

		table.put("x", "a\x1b[2Jb").end_row();
		table.finish();
	};

	EXPECT_EQ(printed(false, false, fill), "x\na?[2Jb\n");
	EXPECT_EQ(printed(true, false, fill), "[{\"x\":\"a\\u001b[2Jb\"}]\n");
}

TEST(Object, LinesOrOneJsonObject)
{
	auto fill = [](Output &output) {
		Object object(output);

		object.put("marked", std::uint64_t(3)).put("flag", true).put("none", {});
		object.finish();
	};

	EXPECT_EQ(printed(false, false, fill), "marked  3\nflag    yes\nnone    -\n");
	EXPECT_EQ(printed(true, false, fill), "{\"marked\":3,\"flag\":true,\"none\":null}\n");
}

TEST(Count, AloneInBothForms)
{
	EXPECT_EQ(printed(false, false, [](Output &output) { print_count(output, "count", 5); }),
		  "5\n");
	EXPECT_EQ(printed(true, false, [](Output &output) { print_count(output, "count", 5); }),
		  "{\"count\":5}\n");
}

TEST(Sink, AFullDiskIsAnError)
{
	int fd = open("/dev/full", O_WRONLY);
	Sink sink(fd);

	sink.write("x");
	EXPECT_THROW(sink.flush(), Error);
	close(fd);
}

TEST(Sink, AClosedPipeIsNone)
{
	int ends[2];

	std::signal(SIGPIPE, SIG_IGN);
	ASSERT_EQ(pipe(ends), 0);
	close(ends[0]);
	Sink sink(ends[1]);
	sink.write("x");
	EXPECT_THROW(sink.flush(), ClosedPipe);
	close(ends[1]);
}

TEST(Sink, WaitsForASlowReaderOfANonBlockingPipe)
{
	std::string text(1 << 20, 'x'), got;
	int ends[2];

	ASSERT_EQ(pipe2(ends, O_NONBLOCK), 0);
	ASSERT_EQ(fcntl(ends[0], F_SETFL, 0), 0);
	std::thread reader([&] {
		char buffer[4096];
		ssize_t size;

		while ((size = read(ends[0], buffer, sizeof(buffer))) > 0)
			got.append(buffer, static_cast<std::size_t>(size));
	});
	Sink sink(ends[1]);
	EXPECT_NO_THROW(sink.write(text));
	EXPECT_NO_THROW(sink.flush());
	close(ends[1]);
	reader.join();
	close(ends[0]);
	EXPECT_EQ(got, text);
}
