package dev.penstock.cassandra.sink;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.ServiceLoader;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import org.apache.kafka.common.config.ConfigValue;
import org.apache.kafka.connect.sink.SinkConnector;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The zip that people install: all in it that is needed, nothing that a worker brings itself. */
class PluginZipIT {

    private static final String ROOT = "penstock-cassandra-sink-" + Version.VERSION + "/";

    @TempDir
    private static Path folder;

    private static final Map<String, byte[]> FILES = new HashMap<>();

    @BeforeAll
    static void unzip() throws IOException {
        try (ZipFile zip = new ZipFile(System.getProperty("plugin.zip"))) {
            for (ZipEntry entry :
                    zip.stream().filter(entry -> !entry.isDirectory()).toList()) {
                assertTrue(entry.getName().startsWith(ROOT), entry.getName());
                try (InputStream content = zip.getInputStream(entry)) {
                    FILES.put(entry.getName().substring(ROOT.length()), content.readAllBytes());
                }
            }
        }
    }

    private static String text(String file) {
        return new String(FILES.get(file), StandardCharsets.UTF_8);
    }

    /** The jars in lib, without their versions. */
    private static Set<String> jars() {
        return FILES.keySet().stream()
                .filter(file -> file.startsWith("lib/"))
                .map(file -> file.replaceFirst("lib/(.+?)-\\d.*\\.jar", "$1"))
                .collect(Collectors.toCollection(TreeSet::new));
    }

    @Test
    void holdsTheFilesOfConfluentHubsForm() throws IOException {
        assertEquals(
                Set.of(
                        "manifest.json",
                        "doc/README.md",
                        "doc/QUICKSTART.md",
                        "doc/CHANGELOG.md",
                        "doc/LICENSE",
                        "doc/licenses/README.md"),
                FILES.keySet().stream().filter(file -> !file.startsWith("lib/")).collect(Collectors.toSet()));
        assertEquals(Files.readString(Path.of("README.md")), text("doc/README.md"));
        assertTrue(text("doc/CHANGELOG.md").contains("\n## " + Version.VERSION + "\n"));
        assertTrue(text("doc/LICENSE").contains("Apache License"));
        JsonNode manifest = new ObjectMapper().readTree(text("manifest.json"));
        assertEquals(Version.VERSION, manifest.get("version").asText());
        assertEquals("sink", manifest.get("component_types").get(0).asText());
        assertEquals(
                ROOT,
                manifest.get("owner").get("username").asText() + "-"
                        + manifest.get("name").asText() + "-"
                        + manifest.get("version").asText() + "/");
        assertEquals(-1, text("manifest.json").indexOf("${"));
    }

    @Test
    void namesTheLicenseOfEachJar() {
        Matcher row = Pattern.compile("(?m)^\\| `([^`]+)` \\| .+ \\|$").matcher(text("doc/licenses/README.md"));
        Set<String> named = new TreeSet<>();
        while (row.find()) {
            named.add(row.group(1));
        }
        assertEquals(jars(), named);
        assertTrue(
                jars().stream()
                        .noneMatch(jar ->
                                jar.startsWith("kafka") || jar.startsWith("connect-") || jar.startsWith("slf4j")),
                jars().toString());
    }

    /** Loaded as a worker loads it: Connect's own classes from the worker, everything else from the zip. */
    @Test
    void isFoundAndRunsByItself() throws IOException {
        List<URL> jars = new ArrayList<>();
        for (String file : FILES.keySet()) {
            if (file.startsWith("lib/")) {
                jars.add(Files.write(folder.resolve(file.substring("lib/".length())), FILES.get(file))
                        .toUri()
                        .toURL());
            }
        }
        try (var loader = new URLClassLoader(jars.toArray(URL[]::new), new Worker())) {
            List<SinkConnector> found = new ArrayList<>();
            ServiceLoader.load(SinkConnector.class, loader).forEach(found::add);
            assertEquals(
                    List.of(CassandraSinkConnector.class.getName()),
                    found.stream()
                            .map(connector -> connector.getClass().getName())
                            .toList());
            assertEquals(loader, found.get(0).getClass().getClassLoader());
            assertEquals(Version.VERSION, found.get(0).version());
            Map<String, String> wrong = found
                    .get(0)
                    .validate(Map.of("topics", "t", "port", "1", "compression", "LZ4", "topic.t.k.u.mapping", "*"))
                    .configValues()
                    .stream()
                    .filter(value -> !value.errorMessages().isEmpty())
                    .collect(Collectors.toMap(
                            ConfigValue::name, value -> value.errorMessages().get(0)));
            // The driver, and LZ4, are there: they say that nobody listens on port 1.
            assertEquals(Set.of("contactPoints"), wrong.keySet());
            assertTrue(
                    wrong.get("contactPoints").startsWith("Cassandra at 127.0.0.1 port 1 does not answer"),
                    wrong.toString());
        }
    }

    /** What a plugin sees of its worker. */
    private static final class Worker extends ClassLoader {

        Worker() {
            super(ClassLoader.getPlatformClassLoader());
        }

        @Override
        protected Class<?> findClass(String name) throws ClassNotFoundException {
            if (name.startsWith("org.apache.kafka.") || name.startsWith("org.slf4j.")) {
                return PluginZipIT.class.getClassLoader().loadClass(name);
            }
            throw new ClassNotFoundException(name);
        }
    }
}
