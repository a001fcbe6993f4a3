#!/bin/sh
# Says everything this machine lacks before anything is installed: one line each, with what to do. Prints nothing when all is well.
LC_ALL=C
export LC_ALL
missing=0
say() { echo "penstock: $1" >&2; missing=1; }

command -v python3.11 >/dev/null 2>&1 || python3 -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null ||
	say "no Python 3.11 found. Install it (Debian 12: apt-get install python3 python3-venv) and see that 'python3.11' or 'python3' is it."

# Not the first line: with JDK_JAVA_OPTIONS or JAVA_TOOL_OPTIONS set, Java first says that it picked them up.
if ! java_version=$(java -version 2>&1 | sed -n 's/.* version "\([0-9][0-9]*\).*/\1/p') || [ -z "$java_version" ]; then
	say "no Java found. Install a JDK 17 (Debian 12: apt-get install openjdk-17-jdk-headless) and put 'java' on the PATH."
elif [ "$java_version" != 17 ]; then
	say "Java $java_version found, but Cassandra 5.0 and Spark 4.2 are run here on Java 17. Put a JDK 17 first on the PATH, or set JAVA_HOME."
elif ! command -v javac >/dev/null 2>&1; then
	say "Java 17 found, but without its compiler (javac). Install the JDK: apt-get install openjdk-17-jdk-headless."
fi

command -v mvn >/dev/null 2>&1 || say "no Maven found. Install it (Debian 12: apt-get install maven) and put 'mvn' on the PATH."

clone=$(cd "$(dirname "$0")/.." && pwd -P)
case $clone in
*[!A-Za-z0-9/._+@~=-]*)
	# Spark's scripts split a path at a blank, its list of jars at a comma; a file of Java properties is Latin-1.
	say "this clone lies in '$clone': Spark and Kafka Connect take only ASCII letters, digits and . _ + @ ~ = - in a path. Clone it elsewhere." ;;
esac

need_mb=3000
[ -d "$(dirname "$0")/../.servers" ] && need_mb=1000
free_mb=$(df -Pm "$(dirname "$0")" | awk 'NR == 2 { print $4 }')
[ "$free_mb" -ge "$need_mb" ] || say "only $free_mb MB free on the disk of this clone, $need_mb MB are needed. Make room."

exit $missing
